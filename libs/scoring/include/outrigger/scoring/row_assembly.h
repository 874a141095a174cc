// SPDX-License-Identifier: Apache-2.0
// RowAssembler: makes the rows of one subject from its samples, so that a model with several inputs
// sees them joined the way its manifest asks for.
//
// The same samples in the same order always make the same rows: a companion rebuilds its state by
// reading them again. What waits is bounded, and its snapshot fits a record of the journal: beyond
// it the oldest event time is closed early, and samples of times up to that one are late.
//
// Threads:  one at a time.
// Durable:  Snapshot() and Restore() carry the state through the journal (docs/formats/journal.md).
// See also: dataplane, "Subjects"
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/scoring/value.h"

namespace outrigger::scoring {

enum class Alignment {
  kLatest,  // a row per record, columns it lacks at their last value in the feed
  kExact,   // a row per event time that has all inputs
  kUnion,   // a row per event time, null where an input has no value
};

// A feed record, its values by index of input column.
struct Sample {
  std::int64_t offset = 0;
  EventTime time;
  std::vector<std::pair<std::uint32_t, Value>> values;
};

struct Row {
  EventTime time;
  std::vector<Value> values;         // one per input column
  std::int64_t seq = 0;              // names the row for good; grows within the subject
  std::vector<std::int64_t> causes;  // feed offsets it was made from; empty: seq alone
};

class RowAssembler {
 public:
  // What one sample led to.
  struct Outcome {
    std::vector<Row> rows;
    int late = 0;  // samples left out because their time had passed
  };

  RowAssembler(Alignment alignment, std::size_t columns, Millis lateness);

  Outcome Add(const Sample& sample);

  // Whether a restart needs this state: false while every row is made of one record alone.
  bool Stateful() const { return columns_ > 1 || alignment_ != Alignment::kLatest; }

  // The state as members of the journal's D/subject/S.
  nlohmann::json Snapshot(std::span<const InputColumn> columns) const;
  // Takes what Snapshot() wrote; unknown columns are left out.
  void Restore(const nlohmann::json& state, std::span<const InputColumn> columns);

 private:
  struct Cell {
    EventTime time;
    Value value;
    bool seen = false;
    std::size_t bytes = 0;
  };
  struct OpenRow {
    std::vector<Value> values;
    std::vector<std::int64_t> causes;
    bool emitted = false;
    std::size_t bytes = 0;  // about, in the journal
  };

  void AddLatest(const Sample& sample, Outcome& outcome);
  void AddByTime(const Sample& sample, Outcome& outcome);
  // Closes what the clock has passed, and the oldest until `bytes` more of the time `next` have
  // room.
  void ClosePassed(EventTime next, std::size_t bytes, Outcome& outcome);
  void ForgetLongest();
  Row Emit(EventTime time, OpenRow& open);

  const Alignment alignment_;
  const std::size_t columns_;
  const Millis lateness_;
  std::vector<Cell> last_;             // kLatest
  std::map<EventTime, OpenRow> open_;  // kExact, kUnion
  std::size_t bytes_ = 0;              // of last_ or open_
  std::int64_t floor_ = kNoClock;      // greatest event time that was closed early
  std::int64_t clock_ = kNoClock;      // greatest event time shown
  std::int64_t last_seq_ = -1;

  static constexpr std::int64_t kNoClock = INT64_MIN;
};

}  // namespace outrigger::scoring
