// SPDX-License-Identifier: Apache-2.0
// ScoreCall: one request to a model and what becomes of its rows, so that the rules of the contract
// stand in one place.
//
// Threads:  one at a time; pure.
// See also: contracts, "Reply"
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data_companion/deployment_spec.h"
#include "data_companion/row_queue.h"
#include "outrigger/http/client.h"
#include "outrigger/messaging/trace.h"
#include "outrigger/scoring/score_reply.h"

namespace outrigger::companion {

class ScoreCall {
 public:
  // `spec` must outlive the call.
  ScoreCall(const DeploymentSpec& spec, std::string id, RowQueue::Batch batch);

  const std::string& id() const { return id_; }
  // The request belongs to the trace of its first row, with a span of its own.
  const std::string& traceparent() const { return traceparent_; }
  // For what becomes of a row: its own trace. Where that is the request's, the request's span.
  std::string TraceOf(const PendingRow& row) const;
  // The same for what the model said of an asset: the trace of its first row.
  std::string TraceOf(std::size_t asset) const { return TraceOf(*rows_[asset].front()); }
  std::shared_ptr<const std::string> body() const { return body_; }
  RowQueue::Batch& batch() { return batch_; }
  const std::vector<scoring::AssetRows>& asked() const { return asked_; }
  // The feed offsets that the rows of an asset were made from: "0:17-17,19-21";
  // of a dead letter tried again "replay:NAME".
  std::string CausesOf(std::size_t asset) const;

  struct Outcome {
    enum class Kind { kScored, kTryAgain, kFinal };
    Kind kind = Kind::kFinal;
    std::vector<scoring::AssetOutput> outputs;  // kScored
    std::string cause;                          // else: as in dead_cause
    std::string detail;
    bool whole_model = false;  // kTryAgain: says nothing about these rows
    bool not_sent = false;     // kTryAgain: the model never heard of it, no try is spent
    std::optional<Millis> retry_after;
  };
  // Why a request is tried again: one of four words, for metrics.
  static std::string_view RetryCause(const Result<http::Reply>& reply);
  Outcome Judge(const Result<http::Reply>& reply, std::int64_t now_wall_ms) const;

 private:
  const DeploymentSpec& spec_;
  const std::string id_;
  const messaging::TraceContext trace_;
  const std::string traceparent_;
  RowQueue::Batch batch_;
  std::vector<scoring::AssetRows> asked_;
  std::vector<std::vector<const PendingRow*>> rows_;  // beside asked_
  std::shared_ptr<const std::string> body_;           // shared with the HTTP client
};

}  // namespace outrigger::companion
