// SPDX-License-Identifier: Apache-2.0
// AckTracker: below which offset of a partition everything is routed and acknowledged, so that a
// committed offset never runs ahead of what Kafka has.
//
// Threads: Begin() and MoveTo() belong to the router; the rest may be called concurrently.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

namespace outrigger::data_pusher {

class AckTracker {
 public:
  // Nothing below `next` is open.
  explicit AckTracker(std::int64_t next) : position_(next) {}

  // Begins the record at `offset`: Add() its sends, then MoveTo() the next offset.
  void Begin(std::int64_t offset);
  void Add();
  void MoveTo(std::int64_t next);

  // One send of the record at `offset` was acknowledged or given up.
  void Done(std::int64_t offset);

  std::int64_t Below() const;
  std::int64_t Position() const;
  // The first offset of which nothing was routed yet: behind a record that is being routed.
  std::int64_t Untouched() const;

 private:
  struct Open {
    std::int64_t offset;
    int sends;
  };
  void Shrink();

  mutable std::mutex mutex_;
  std::int64_t position_;
  std::deque<Open> open_;  // by offset
};

}  // namespace outrigger::data_pusher
