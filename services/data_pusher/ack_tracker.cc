// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/ack_tracker.h"

#include <algorithm>

#include "outrigger/base/result.h"

namespace outrigger::data_pusher {

void AckTracker::Begin(std::int64_t offset) {
  const std::scoped_lock lock(mutex_);
  position_ = offset;
  // The router's own hold, given back by MoveTo(): the record is open while it is being routed.
  open_.push_back({offset, 1});
}

void AckTracker::Add() {
  const std::scoped_lock lock(mutex_);
  OR_CHECK(!open_.empty() && open_.back().offset == position_, "Add() without Begin()");
  ++open_.back().sends;
}

void AckTracker::MoveTo(std::int64_t next) {
  const std::scoped_lock lock(mutex_);
  if (!open_.empty() && open_.back().offset == position_ && position_ < next) {
    --open_.back().sends;
  }
  position_ = next;
  Shrink();
}

void AckTracker::Done(std::int64_t offset) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::lower_bound(open_, offset, {}, &Open::offset);
  if (found == open_.end() || found->offset != offset) return;
  --found->sends;
  Shrink();
}

void AckTracker::Shrink() {
  while (!open_.empty() && open_.front().sends <= 0) open_.pop_front();
}

std::int64_t AckTracker::Below() const {
  const std::scoped_lock lock(mutex_);
  return open_.empty() ? position_ : open_.front().offset;
}

std::int64_t AckTracker::Position() const {
  const std::scoped_lock lock(mutex_);
  return position_;
}

std::int64_t AckTracker::Untouched() const {
  const std::scoped_lock lock(mutex_);
  const bool routing = !open_.empty() && open_.back().offset == position_;
  return routing ? position_ + 1 : position_;
}

}  // namespace outrigger::data_pusher
