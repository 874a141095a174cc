// SPDX-License-Identifier: Apache-2.0
// FeedPartition: one partition of a deployment's feed, from records to rows and from ended rows to
// the journal, so that a restart goes on exactly where the last transaction left it.
//
// Each subject has its rows assembled twice: as records are read, and again as they settle. The
// second is what the journal keeps: it never knows of a record that may still be read again as new.
//
// Threads:  one at a time; pure.
// See also: docs/formats/journal.md
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data_companion/deployment_spec.h"
#include "data_companion/feed_record.h"
#include "data_companion/row_queue.h"
#include "outrigger/scoring/feed_progress.h"

namespace outrigger::companion {

// What the journal says of a partition: the values of D/progress/PART and of D/subject/S.
using SubjectStates = std::map<std::string, std::string>;

class FeedPartition {
 public:
  struct Taken {
    std::vector<std::pair<std::string, PendingRow>> rows;  // by subject
    std::optional<FeedRecord> bad;                         // a cause without row
    int late = 0;
  };

  // `spec` must outlive the partition. Errors: kCorrupt - the journal's progress cannot be read.
  static Result<std::unique_ptr<FeedPartition>> Make(const DeploymentSpec& spec, int partition,
                                                     const std::optional<std::string>& progress,
                                                     const SubjectStates& subjects);

  // Where reading begins.
  std::int64_t start() const { return start_; }
  // The offset after the last record taken.
  std::int64_t position() const { return position_; }

  Taken Take(FeedRecord record);
  // One of the causes of a record ended; the last one finishes it.
  void End(std::int64_t cause);

  // Whether the journal should hear of it.
  bool dirty() const { return dirty_; }
  // The records for the journal: progress, and states of subjects that were not written for a
  // while. Key without the leading "D/". `whole`: states of all subjects that the journal lacks.
  std::vector<std::pair<std::string, std::string>> ForJournal(SteadyTime now, bool whole = false);
  // What Make() goes on from. Requires: the records of ForJournal(now, true) reach the journal
  // first.
  struct Checkpoint {
    std::string progress;
    SubjectStates subjects;
  };
  Checkpoint Kept() const;
  // Keys that ForJournal() or the journal before it may have written.
  std::vector<std::string> JournalKeys() const;

  std::size_t unfinished() const { return progress_.unfinished(); }
  // So much is read and not settled that reading should rest.
  bool Full() const;
  // How many records below `end` are not finished.
  std::int64_t Unscored(std::int64_t end) const;

 private:
  struct Subject {
    explicit Subject(const DeploymentSpec& spec);
    scoring::RowAssembler ahead;
    scoring::RowAssembler settled;
    std::int64_t kept = -1;        // the journal's state includes records up to this
    std::int64_t settled_to = -1;  // `settled` includes records up to this
    std::int64_t dirty_from = -1;  // first settled record that the journal lacks
    SteadyTime written{};
  };

  FeedPartition(const DeploymentSpec& spec, int partition);
  Subject& SubjectOf(const std::string& name);
  void Settle();
  std::int64_t Oldest() const;

  const DeploymentSpec& spec_;
  const int partition_;
  const bool stateful_;
  scoring::FeedProgress progress_;
  std::int64_t start_ = 0;
  std::int64_t position_ = 0;
  bool dirty_ = false;
  std::unordered_map<std::string, Subject> subjects_;
  std::map<std::int64_t, std::string> dirty_subjects_;  // by dirty_from
  std::unordered_map<std::int64_t, int> open_causes_;   // records with more than one row
};

}  // namespace outrigger::companion
