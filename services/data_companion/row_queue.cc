// SPDX-License-Identifier: Apache-2.0
#include "data_companion/row_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace outrigger::companion {
namespace {

// Requests of an unordered model that one asset's rows may be spread over.
constexpr std::int64_t kLanesOfUnordered = 8;
constexpr std::size_t kRowOverhead = 200;  // of a waiting row, beside its contents

std::size_t Weight(const PendingRow& row) { return row.bytes + row.record.size() + kRowOverhead; }

constexpr std::size_t kParkedBytes = 4U << 20;  // far below what a record of the journal may have
constexpr std::size_t kMaxPoisoned = 10'000;    // lanes remembered

bool IsSuspect(const PendingRow& row) { return row.company != PendingRow::kAnyNumber; }

}  // namespace

bool MayPark(const PendingRow& row) { return row.bytes + row.record.size() <= kParkedBytes; }

std::size_t RowsIn(const RowQueue::Batch& batch) {
  std::size_t rows = 0;
  for (const auto& lane : batch) rows += lane.rows.size();
  return rows;
}

std::string RowQueue::LaneOf(const std::string& subject, const PendingRow& row) const {
  if (ordered_) return subject;
  return subject + '\0' + std::to_string(row.row.seq % kLanesOfUnordered);
}

void RowQueue::MakeReady(const std::string& name, Lane& lane) {
  lane.busy = true;
  ready_.push_back(name);
}

void RowQueue::Push(const std::string& subject, PendingRow row) {
  ++rows_;
  bytes_ += Weight(row);
  const std::string name = LaneOf(subject, row);
  Lane& lane = lanes_[name];
  if (lane.subject.empty()) lane.subject = subject;
  if (row.parked) ++lane.parked, ++parked_;
  if (poisoned_.contains(name)) row.company = 1;
  lane.rows.push_back(std::move(row));
  if (!lane.busy) MakeReady(name, lane);
}

RowQueue::Batch RowQueue::Take(SteadyTime now, std::size_t free) {
  while (!resting_.empty() && resting_.begin()->first <= now) {
    const std::string name = std::move(resting_.begin()->second);
    resting_.erase(resting_.begin());
    MakeReady(name, lanes_.at(name));
  }
  Batch batch;
  if (ready_.empty() || free == 0) return batch;
  // What is ready is spread over the requests that may start, so that a model that works on several
  // at a time gets several.
  const std::size_t share = std::clamp((rows_ - away_) / free, std::size_t{1}, limits_.rows);
  const bool suspects = IsSuspect(lanes_.at(ready_.front()).rows.front());
  std::size_t room = share;
  std::size_t rows = 0, bytes = 0;
  for (std::size_t looked = ready_.size(); looked > 0 && rows < room; --looked) {
    const std::string name = std::move(ready_.front());
    ready_.pop_front();
    Lane& lane = lanes_.at(name);
    LaneRows taken{name, lane.subject, {}};
    while (!lane.rows.empty() && rows < room) {
      PendingRow& row = lane.rows.front();
      // Rows of failed requests keep to themselves; else they would spend the tries of others.
      if (IsSuspect(row) != suspects || rows + 1 > row.company) break;
      if (rows > 0 && bytes + row.bytes > limits_.bytes) break;
      // Times ascend in a request: a row that came late goes in the next.
      if (ordered_ && !taken.rows.empty() && row.row.time < taken.rows.back().row.time) break;
      room = std::min(room, row.company);
      bytes += row.bytes;
      ++rows;
      ++away_;
      ++lane.away;
      taken.rows.push_back(std::move(row));
      lane.rows.pop_front();
    }
    if (taken.rows.empty())
      MakeReady(name, lane);  // its turn comes with others of its kind
    else
      batch.push_back(std::move(taken));
  }
  return batch;
}

void RowQueue::Forget(const PendingRow& row) {
  --rows_;
  bytes_ -= Weight(row);
}

void RowQueue::Release(const std::string& name) {
  const auto found = lanes_.find(name);
  if (found->second.rows.empty())
    lanes_.erase(found);
  else
    MakeReady(name, found->second);
}

void RowQueue::Done(const Batch& batch, End end) {
  for (const LaneRows& taken : batch) {
    Lane& lane = lanes_.at(taken.lane);
    for (const PendingRow& row : taken.rows) {
      Forget(row);
      if (row.parked) --lane.parked, --parked_;
    }
    away_ -= taken.rows.size();
    lane.away -= taken.rows.size();
    if (end == End::kScored) {
      poisoned_.erase(taken.lane);
    } else if (poisoned_.size() < kMaxPoisoned) {
      poisoned_.insert(taken.lane);
      for (PendingRow& row : lane.rows) row.company = 1;
    }
    Release(taken.lane);
  }
}

void RowQueue::Return(Batch batch, SteadyTime not_before) {
  for (LaneRows& taken : batch) {
    Lane& lane = lanes_.at(taken.lane);
    away_ -= taken.rows.size();
    lane.away -= taken.rows.size();
    for (auto row = taken.rows.rbegin(); row != taken.rows.rend(); ++row)
      lane.rows.push_front(std::move(*row));
    resting_.emplace(not_before, taken.lane);
  }
}

void RowQueue::Park(Batch& batch, const EachRow& parked) {
  for (LaneRows& taken : batch) {
    Lane& lane = lanes_.at(taken.lane);
    const auto park = [&](PendingRow& row) {
      if (row.parked) return true;
      if (!MayPark(row)) return false;
      row.parked = true;
      ++lane.parked, ++parked_;
      parked(lane.subject, row);
      return true;
    };
    if (std::ranges::all_of(taken.rows, park)) (void)std::ranges::all_of(lane.rows, park);
  }
}

bool RowQueue::Follows(const std::string& subject, const PendingRow& row) const {
  const auto lane = lanes_.find(LaneOf(subject, row));
  return lane != lanes_.end() && lane->second.parked > 0 &&
         lane->second.parked == lane->second.away + lane->second.rows.size();
}

std::vector<std::pair<std::string, PendingRow>> RowQueue::TakeParked() {
  std::vector<std::pair<std::string, PendingRow>> taken;
  for (auto& [name, lane] : lanes_) {
    for (PendingRow& row : lane.rows) {
      if (!row.parked) continue;
      Forget(row);
      --lane.parked, --parked_;
      taken.emplace_back(lane.subject, std::move(row));
    }
    std::erase_if(lane.rows, [](const PendingRow& row) { return row.parked; });
  }
  return taken;
}

std::optional<SteadyTime> RowQueue::NextReady() const {
  if (resting_.empty()) return std::nullopt;
  return resting_.begin()->first;
}

}  // namespace outrigger::companion
