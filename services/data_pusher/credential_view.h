// SPDX-License-Identifier: Apache-2.0
// CredentialView: who a bearer token stands for, as the topic `credentials` says, so that queries
// need no control plane.
//
// Threads:  every method may be called concurrently.
// See also: docs/formats/credentials.md
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "data_pusher/sharded_map.h"
#include "outrigger/http/bearer.h"
#include "outrigger/messaging/table.h"

namespace outrigger::data_pusher {

class CredentialView {
 public:
  static Result<std::unique_ptr<CredentialView>> Start(const messaging::KafkaOptions& kafka);

  // What a token stands for. One that is not known is looked for once more after reading the topic
  // to its end (at most a second).
  // Errors: kUnavailable, kTimeout - not known, and Kafka is gone.
  Result<std::optional<http::Credential>> Find(std::string_view token);

  // What the topic says now of the token with this key (http::TokenKey()). Never waits.
  std::optional<http::Credential> Known(std::string_view key) const;

  bool Ready() const { return ready_; }

 private:
  CredentialView() = default;
  void Apply(const messaging::Record& record);

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, http::Credential, TextHash, std::equal_to<>> credentials_;
  std::atomic<bool> ready_{false};
  std::unique_ptr<messaging::CompactedTable> table_;  // last: its thread uses the members above
};

// One credential. Errors: kCorrupt.
Result<http::Credential> ParseCredential(std::string_view json);

}  // namespace outrigger::data_pusher
