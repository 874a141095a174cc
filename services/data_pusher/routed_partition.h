// SPDX-License-Identifier: Apache-2.0
// RoutedPartition: where the router stands in one partition of `telemetry`, so that taking it over,
// routing it and telling of it are each one step that can be read alone.
//
// States:  kTaken --committed offset read--> kFind --first record or end seen--> kLookUp
//          --place ten minutes before known--> kRebuild --first offset to route reached--> kRoute
// Threads: belongs to the router, but for the AckTracker, which callbacks share.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "data_pusher/ack_tracker.h"
#include "data_pusher/repeat_filter.h"
#include "outrigger/base/clock.h"

namespace outrigger::data_pusher {

class RoutedPartition {
 public:
  enum class Phase { kTaken, kFind, kLookUp, kRebuild, kRoute };

  // `epoch` grows with each partition taken: records polled before it are another owner's.
  RoutedPartition(int partition, std::uint64_t epoch) : partition_(partition), epoch_(epoch) {}

  int partition() const { return partition_; }
  std::uint64_t epoch() const { return epoch_; }
  Phase phase() const { return phase_; }

  // kTaken: reading begins at what is committed.
  void Began() { phase_ = Phase::kFind; }
  // kFind: the first offset to route is known, and the arrival of its record (or now).
  void Found(std::int64_t first, ArrivalTime arrival);
  // kLookUp: reading begins at `from`, ten minutes before the first offset.
  void LookedUp(std::int64_t from);
  std::int64_t first() const { return first_; }
  ArrivalTime rebuild_from() const { return {arrival_.ms - RepeatFilter::kSpanMs}; }

  // Whether a record of this offset is to be routed, or only to be remembered.
  bool Routes(std::int64_t offset);
  // The end of the partition was reached: everything below `next` is read.
  void AtEnd(std::int64_t next);

  RepeatFilter& filter() { return filter_; }
  // Null before the first offset is known. Shared with callbacks of sends in flight, which may
  // outlive the partition.
  const std::shared_ptr<AckTracker>& acks() const { return acks_; }

  // From here on, records are routed by this revision of the catalog; one that is being routed goes
  // on by the one before.
  void SwitchTo(std::int64_t revision);
  struct Status {
    std::int64_t revision = 0;
    std::int64_t offset = 0;
  };
  // What can be promised now: everything below `offset` is routed and acknowledged, and nothing
  // routed by a revision older than `revision` is still on its way. nullopt: nothing yet.
  std::optional<Status> Promise();

  // The last status that was told, and when.
  std::int64_t told_revision = -1;
  SteadyTime told_at;
  std::int64_t committed = -1;
  // Whether a status is on its way: one at a time. Shared with the producer's callback.
  std::shared_ptr<std::atomic<bool>> telling = std::make_shared<std::atomic<bool>>(false);

 private:
  struct Switch {
    std::int64_t revision;
    std::int64_t position;
  };

  const int partition_;
  const std::uint64_t epoch_;
  Phase phase_ = Phase::kTaken;
  std::int64_t first_ = 0;
  ArrivalTime arrival_;
  RepeatFilter filter_;
  std::shared_ptr<AckTracker> acks_;
  std::deque<Switch> switches_;
  std::int64_t routed_by_ = -1;
  std::int64_t promised_ = -1;
};

// The record of pusher-status.
std::string StatusJson(int partition, const RoutedPartition::Status& status, std::int64_t now_ms);

}  // namespace outrigger::data_pusher
