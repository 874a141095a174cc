// SPDX-License-Identifier: Apache-2.0
// RowAssembler: makes the rows of REAL_TIME models from feed records, so that a model gets all its
// inputs side by side.
//
// `latest`: a row a record, columns it lacks at their last value; no row until every input was seen
// once. `exact`:  one row an event time that has all inputs; dropped when the subject's clock
// passes it by allowed_lateness. `union`:  one row an event time when the clock passes it by
// allowed_lateness; null where an input has no value. A subject's clock is the greatest event time
// it has shown.
//
// Threads:  belongs to one thread. One assembler a feed partition.
// See also: docs/formats/journal.md (D/subject)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/scoring/value.h"

namespace outrigger::scoring {

// One cause of a model.
struct Row {
  std::string subject;
  EventTime time;
  std::int64_t seq =
      0;  // feed offset that completed it (union: the last that gave it a value): names it for good
  std::vector<Value> cells;           // in the order of the inputs
  std::vector<std::int64_t> offsets;  // feed offsets it was made from, ascending
};

struct Taken {
  std::vector<Row> rows;               // complete now, in order
  std::vector<std::int64_t> no_cause;  // offsets that will never be part of a row: finished
  std::int64_t late = 0;               // records too late for their row
  std::int64_t dropped = 0;            // incomplete rows that were given up (exact)
};

class RowAssembler {
 public:
  explicit RowAssembler(const ModelShape& shape) : shape_(shape) {}

  // Takes the next record, in the order of the feed. Records read again to rebuild state are taken
  // too: the caller ignores rows and offsets that are finished.
  Taken Take(const FeedRecord& record);

  // Whether last values of inputs outlive their record (`latest` with several inputs): only then is
  // there subject state.
  bool KeepsState() const {
    return shape_.alignment == Alignment::kLatest && shape_.inputs.size() > 1;
  }
  // The subject's state after all it has taken, as in D/subject/S. `offset`: the last record it
  // includes.
  std::string SubjectState(const std::string& subject) const;
  // Restores a state; records up to its offset no longer change the subject. Errors: kCorrupt.
  Result<> Restore(const std::string& subject, std::string_view state);
  void Forget(const std::string& subject) { subjects_.erase(subject); }

 private:
  struct Pending {
    std::vector<Value> cells;
    std::vector<std::int64_t> offsets;
    std::size_t filled = 0;
  };
  struct Subject {
    std::vector<Value> last;
    std::vector<EventTime> last_time;
    std::size_t seen = 0;
    std::int64_t applied = -1;  // greatest offset in `last`
    std::optional<EventTime> clock;
    std::map<EventTime, Pending> pending;
  };

  void TakeLatest(Subject& subject, const FeedRecord& record, Taken& taken);
  void TakeByTime(Subject& subject, const FeedRecord& record, Taken& taken);
  void Release(Subject& subject, const std::string& name, Taken& taken);
  std::size_t Fill(std::vector<Value>& cells, const FeedRecord& record) const;

  const ModelShape shape_;
  std::map<std::string, Subject, std::less<>> subjects_;
};

}  // namespace outrigger::scoring
