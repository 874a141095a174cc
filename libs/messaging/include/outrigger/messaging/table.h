// SPDX-License-Identifier: Apache-2.0
// CompactedTable: follows a compacted topic on a thread of its own and applies its records, so that
// a service knows what the control plane said without asking it.
//
// A record whose header `revision` is lower than the one already applied for its key is ignored.
// One that `apply` throws at is logged and passed over.
// Threads: `apply` runs on the table's thread; the rest may be called concurrently.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "outrigger/messaging/kafka.h"

namespace outrigger::messaging {

class CompactedTable {
 public:
  using Apply = std::function<void(const Record& record)>;
  // `caught_up` (may be null) runs on the table's thread each time the end of the topic is reached
  // after new records.
  static Result<std::unique_ptr<CompactedTable>> Start(const KafkaOptions& kafka,
                                                       const std::string& topic, Apply apply,
                                                       std::function<void()> caught_up = nullptr);
  virtual ~CompactedTable() = default;

  // Whether the topic was read to its end once.
  virtual bool Ready() const = 0;
  // Greatest revision applied.
  virtual std::int64_t Revision() const = 0;
  // Waits until everything that was in the topic when this was called is applied. One read serves
  // all who wait. Errors: kUnavailable or kTimeout - Kafka is gone.
  virtual Result<> ReadToEnd(std::chrono::milliseconds deadline) = 0;
  // The same without blocking: `done` runs on the table's thread, within the deadline.
  virtual void ReadToEndAsync(std::chrono::milliseconds deadline,
                              std::function<void(Result<>)> done) = 0;
};

}  // namespace outrigger::messaging
