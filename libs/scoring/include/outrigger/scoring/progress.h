// SPDX-License-Identifier: Apache-2.0
// Progress: which causes of a feed partition are finished and which source records were taken, so
// that after a crash every record is worked on once more or not at all, never recorded twice.
//
// Threads:  belongs to one thread. One a feed partition.
// See also: docs/formats/journal.md (D/progress)
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "outrigger/scoring/value.h"

namespace outrigger::scoring {

class Progress {
 public:
  static constexpr std::size_t kMaxAhead = 16'384;

  enum class Verdict {
    kNew,       // work on it
    kFinished,  // finished before a crash: rebuilds state, causes nothing
    kRepeat,    // the pusher wrote it twice: ignore it wholly
  };
  // Judges and remembers a record as read. Requires: ascending offsets.
  Verdict Take(const FeedRecord& record);

  // The record's cause ended. Idempotent.
  void Finish(std::int64_t offset);

  // Offset below which all is finished.
  std::int64_t next() const;
  // Too many records above next() are open or finished: pause the partition.
  bool Full() const { return open_.size() >= kMaxAhead; }
  // Whether every record taken so far is finished.
  bool Idle() const { return unfinished_.empty(); }
  std::size_t unfinished() const { return unfinished_.size(); }

  // The journal's value; `oldest`: the oldest offset still needed to rebuild state (at most
  // next()).
  std::string ToJson(std::int64_t oldest) const;
  // What a journal's value says. `oldest` is where reading begins. Errors: kCorrupt.
  static Result<Progress> FromJson(std::string_view json);
  std::int64_t oldest() const { return oldest_; }

 private:
  struct Mark {
    std::int64_t offset = -1;
    std::set<std::string> subjects;
  };
  using Marks = std::map<int, Mark>;
  struct Open {
    bool finished = false;
    bool repeat = false;
    int source_partition = 0;
    std::int64_t source_offset = 0;
    std::string subject;
  };
  static bool Repeats(const Marks& marks, const FeedRecord& record);
  static void Remember(Marks& marks, int partition, std::int64_t offset,
                       const std::string& subject);
  void Advance();

  std::int64_t start_ = 0;  // next() as restored: below it marks of their own judge
  std::int64_t next_ = 0;
  std::int64_t read_ = 0;  // offset after the last record taken
  std::int64_t oldest_ = 0;
  std::map<std::int64_t, Open> open_;  // taken at or above next_
  std::set<std::int64_t> unfinished_;
  std::map<std::int64_t, std::int64_t> done_;  // restored: finished ranges first -> last
  Marks rebuild_marks_;                        // of records below start_
  Marks live_marks_;                           // of all taken
  Marks next_marks_;                           // of records below next_: what is journaled
};

// "17-17,19-21" of ascending offsets.
std::string Ranges(const std::vector<std::int64_t>& offsets);

}  // namespace outrigger::scoring
