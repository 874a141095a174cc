// SPDX-License-Identifier: Apache-2.0
// TelemetryHandler: POST /api/v1/telemetry, from the token to the acknowledgement, so that a 2xx
// means that Kafka has it.
//
// Threads:  Handle() may be called from any thread and does not block. Work on large bodies and
//           after a wait runs on the pool; answers come from the producer's thread.
// Lifetime: the parts outlive the handler, and the handler outlives the server and the pool's work.
// See also: docs/formats/telemetry.md
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

#include "data_collector/catalog_view.h"
#include "data_collector/credential_view.h"
#include "outrigger/base/clock.h"
#include "outrigger/base/metrics.h"
#include "outrigger/http/server.h"
#include "outrigger/http/worker_pool.h"
#include "outrigger/messaging/kafka.h"
#include "outrigger/messaging/table.h"

namespace outrigger::data_collector {

class TelemetryHandler {
 public:
  struct Parts {
    const CredentialView& credentials;
    const CatalogView& catalog;
    messaging::CompactedTable& credential_table;  // what feeds the views
    messaging::CompactedTable& catalog_table;
    messaging::Producer& producer;
    http::WorkerPool& pool;
    Metrics& metrics;
    Clock& clock;
  };
  struct Limits {
    std::size_t max_records = 10'000;
    std::size_t max_in_flight = 50'000;    // records on their way to Kafka; beyond it 503
    std::size_t inline_bytes = 32 * 1024;  // larger bodies are read on the pool
    Millis max_ahead{300'000};
    Millis max_age{0};
    Millis look_again{1'000};  // for reading a topic to its end before a refusal
  };

  TelemetryHandler(const Parts& parts, const Limits& limits);
  void Handle(http::Request request, http::ResponderPtr respond);

 private:
  struct Ingest;
  struct Delivery;
  using IngestPtr = std::shared_ptr<Ingest>;  // shared by whoever carries the request on

  void Authorize(const IngestPtr& ingest, bool looked_again);
  void Read(const IngestPtr& ingest);
  void JudgeAll(const IngestPtr& ingest, bool looked_again);
  void Produce(const IngestPtr& ingest);
  void Delivered(const std::shared_ptr<Delivery>& delivery, bool good, std::size_t count);
  // Goes on with `step` on the pool, or answers 503 when that is full.
  using Step = void (*)(TelemetryHandler&, const IngestPtr&);
  void Later(const IngestPtr& ingest, Step step);

  const Parts parts_;
  const Limits limits_;
  Counter& accepted_;
  Counter& rejected_;
  Counter& failed_;
  Gauge& waiting_;
  std::atomic<std::size_t> in_flight_{0};
};

}  // namespace outrigger::data_collector
