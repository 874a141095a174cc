// SPDX-License-Identifier: Apache-2.0
// RowQueue: rows that wait for the model, so that rows of one asset go in order, different assets
// side by side, what piled up goes together, and one poisoned row holds no other.
//
// Rows wait in lanes. A lane has at most one request on its way and keeps its order through every
// retry. Ordered models have a lane per subject, others several.
//
// Threads:  one at a time; pure.
// See also: contracts, "Reply"
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/messaging/trace.h"
#include "outrigger/scoring/row_assembly.h"

namespace outrigger::companion {

// The dead letter that a row tries again.
struct ReplayOf {
  std::string name;    // in control and journal
  std::string letter;  // its id
  std::string source;  // its dead_source
};

struct PendingRow {
  scoring::Row row;
  int partition = 0;
  std::int64_t cause = 0;            // the feed offset whose end is this row's end
  messaging::TraceContext trace;     // of the feed record that completed it
  std::string record;                // for a dead letter: the feed record as it came
  std::size_t bytes = 0;             // about what it adds to a request
  int tries = 0;                     // requests that were spent on it
  std::size_t company = kAnyNumber;  // it goes with fewer others after each failed request
  bool parked = false;  // the journal, or control, holds it: the feed does not wait for it
  std::shared_ptr<const ReplayOf> replay;  // null: a row of the feed; shared: rows are copied

  static constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();
};

// Whether the journal can hold it.
bool MayPark(const PendingRow& row);

class RowQueue {
 public:
  struct Limits {
    std::size_t rows = 1'000;
    std::size_t bytes = 1U << 20;
  };
  struct LaneRows {
    std::string lane;
    std::string subject;
    std::vector<PendingRow> rows;
  };
  // The rows of one request; its lanes are busy until Done() or Return().
  using Batch = std::vector<LaneRows>;

  RowQueue(bool ordered, Limits limits) : ordered_(ordered), limits_(limits) {}

  void Push(const std::string& subject, PendingRow row);

  // The rows for one of `free` requests that could start now; empty when none is ready.
  Batch Take(SteadyTime now, std::size_t free);
  // The rows of a batch have their end: scored, or given up. A lane whose row was given up sends
  // its rows one by one until one is scored, so that a poisoned asset takes no other along again.
  enum class End { kScored, kGivenUp };
  void Done(const Batch& batch, End end);
  // Puts rows back where they were; their lanes rest until `not_before`.
  void Return(Batch batch, SteadyTime not_before);

  using EachRow = std::function<void(const std::string& subject, const PendingRow& row)>;
  // Marks as parked the rows of a batch and what waits behind them, up to the first row of a lane
  // that may not be; `parked` sees each before.
  void Park(Batch& batch, const EachRow& parked);
  // Whether all before it in its lane are parked, and some are: then it must be too, or not be held
  // by them.
  bool Follows(const std::string& subject, const PendingRow& row) const;
  // The parked rows that wait, taken out, in the order of each lane.
  std::vector<std::pair<std::string, PendingRow>> TakeParked();
  // Parked rows, waiting or on their way.
  std::size_t parked() const { return parked_; }

  // When the next resting lane is ready; nullopt when none rests.
  std::optional<SteadyTime> NextReady() const;
  // Rows waiting or on their way, and their bytes.
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Lane {
    std::string subject;
    std::deque<PendingRow> rows;
    bool busy = false;       // in a request, ready or resting: in no other list
    std::size_t away = 0;    // rows in a request
    std::size_t parked = 0;  // of those away and waiting
  };

  std::string LaneOf(const std::string& subject, const PendingRow& row) const;
  void MakeReady(const std::string& name, Lane& lane);
  void Forget(const PendingRow& row);
  void Release(const std::string& name);

  bool ordered_;
  Limits limits_;
  std::unordered_map<std::string, Lane> lanes_;
  std::unordered_set<std::string> poisoned_;  // lanes whose last row was given up
  std::deque<std::string> ready_;
  std::multimap<SteadyTime, std::string> resting_;
  std::size_t away_ = 0;  // rows in requests
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
  std::size_t parked_ = 0;
};

std::size_t RowsIn(const RowQueue::Batch& batch);

}  // namespace outrigger::companion
