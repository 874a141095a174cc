// SPDX-License-Identifier: Apache-2.0
// PusherView: what the pusher says of each partition of `telemetry`, so that a saga knows when a
// route is in force.
//
// Threads:  every method may be called concurrently.
// See also: docs/formats/pusher-status.md
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "outrigger/messaging/table.h"

namespace outrigger::model_api {

class PusherView {
 public:
  // Follows `pusher-status` for `partitions` partitions of `telemetry`.
  static Result<std::unique_ptr<PusherView>> Start(const messaging::KafkaOptions& kafka,
                                                   int partitions);

  // Whether every partition routes by a catalog of at least `revision`.
  bool Applied(std::int64_t revision) const;

 private:
  explicit PusherView(int partitions) : partitions_(partitions) {}
  void Take(const messaging::Record& record);

  const int partitions_;
  mutable std::mutex mutex_;
  std::map<int, std::int64_t> revisions_;
  std::unique_ptr<messaging::CompactedTable> table_;  // last: its thread uses the members above
};

}  // namespace outrigger::model_api
