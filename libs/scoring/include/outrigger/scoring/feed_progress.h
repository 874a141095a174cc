// SPDX-License-Identifier: Apache-2.0
// FeedProgress: which records of one feed partition are finished and which are repeats, so that
// after any crash each cause has exactly one end.
//
// A record is *finished* when everything that follows from it is in the journal's transaction. It
// is *settled* when all before it are finished too; the journal's `next` lies behind the settled
// ones, and its marks speak of them only: a record that is read again is judged as it was the first
// time.
//
// Threads:  one at a time.
// See also: docs/formats/journal.md, dataplane, "Identity and exactly once"
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/scoring/row_assembly.h"

namespace outrigger::scoring {

// Where in `telemetry` a feed record comes from (header `src`).
struct Source {
  int partition = 0;
  std::int64_t offset = 0;
};
// "0:17" → {0, 17}; nullopt when it is none.
std::optional<Source> ParseSource(std::string_view text);

class FeedProgress {
 public:
  enum class Judgement {
    kNew,       // a new cause: Finish() it once
    kFinished,  // ended before a restart: rebuild state with it, cause nothing
    kRepeat,    // the pusher wrote it twice: nothing to do
  };

  // A partition from its first record on.
  FeedProgress() = default;
  // From the journal's D/progress/PART. Errors: kCorrupt.
  static Result<FeedProgress> From(const nlohmann::json& journal);

  // Takes the next record as read. What is to be replayed when it settles (`sample`) may be null.
  // Requires: offsets ascend.
  Judgement Take(std::int64_t offset, const std::optional<Source>& source,
                 const std::string& subject, std::shared_ptr<const Sample> sample);
  // The causes of a kNew record have their end. Unknown offsets are ignored.
  void Finish(std::int64_t offset);

  struct Settled {
    std::int64_t offset = 0;
    std::string subject;
    std::shared_ptr<const Sample> sample;  // null for repeats
    bool repeat = false;
  };
  // The next settled record of those at or above the `next` it began with, in order.
  std::optional<Settled> PopSettled();

  // The offset below which everything is finished.
  std::int64_t next() const { return next_; }
  // Where reading has to begin after a restart, if no state needs older records.
  std::int64_t position() const { return position_; }
  // Records read and not settled.
  std::size_t unsettled() const { return entries_.size(); }
  // Records taken and not finished.
  std::size_t unfinished() const { return unfinished_; }
  // Finished records above `next`, as ranges; what the journal must keep.
  std::vector<std::pair<std::int64_t, std::int64_t>> Done() const;

  // The value of D/progress/PART; `oldest` is the first offset that some state still needs.
  nlohmann::json ToJson(std::int64_t oldest) const;

 private:
  struct Mark {
    std::int64_t offset = -1;
    std::set<std::string> subjects;
  };
  using Marks = std::map<int, Mark>;
  struct Entry {
    std::int64_t offset = 0;
    std::optional<Source> source;
    std::string subject;
    std::shared_ptr<const Sample> sample;
    bool finished = false;
    bool repeat = false;
  };

  static bool IsRepeat(const Marks& marks, const Source& source, const std::string& subject);
  static void Advance(Marks& marks, const Source& source, const std::string& subject);
  bool WasDone(std::int64_t offset) const;

  std::int64_t next_ = 0;                                           // all below are finished
  std::int64_t position_ = 0;                                       // the next offset to take
  std::vector<std::pair<std::int64_t, std::int64_t>> done_before_;  // of the journal, above next_
  Marks settled_marks_;                                             // up to next_
  Marks marks_;          // up to position_, from the journal's on
  Marks rebuild_marks_;  // of records that are read again below next_
  std::deque<Entry> entries_;
  std::size_t unfinished_ = 0;
};

}  // namespace outrigger::scoring
