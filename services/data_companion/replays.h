// SPDX-License-Identifier: Apache-2.0
// Replays: dead letters that control wants tried again, so that each is taken once, a few at a
// time, and never again once the journal has its end.
//
// Control itself keeps what a replay needs, so that nothing of one that is under way is journaled:
// after a crash it is taken from control again, unless the journal has its end.
// Threads:  one at a time; pure.
// See also: docs/formats/control.md, docs/formats/journal.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data_companion/deployment_spec.h"
#include "data_companion/row_queue.h"
#include "outrigger/base/result.h"

namespace outrigger::companion {

class Replays {
 public:
  struct Wanted {
    std::string name;
    std::int64_t revision = 0;                // of the control record
    std::shared_ptr<const std::string> text;  // shared with what is known of control
  };

  explicit Replays(std::size_t at_once) : at_once_(at_once) {}

  // The journal has its end.
  void Restore(const std::string& name) { ended_[name] = false; }
  // Control wants it. One that is known already changes nothing.
  void Put(Wanted wanted);
  // Control wants it no longer. Whether the journal's record of its end may go.
  bool Drop(const std::string& name);
  // Ends in the journal that control, read to its end, no longer speaks of; they are forgotten.
  std::vector<std::string> TakeStale();

  // The next in control's order; nullopt: none waits, or enough are in hand.
  std::optional<Wanted> Take();
  void End(const std::string& name);
  std::size_t waiting() const { return waiting_.size(); }

 private:
  const std::size_t at_once_;
  std::map<std::pair<std::int64_t, std::string>, Wanted> waiting_;  // by revision and name
  std::map<std::string, std::int64_t> revision_;                    // of the waiting ones
  std::set<std::string> in_hand_;
  std::map<std::string, bool> ended_;  // whether control still speaks of it
};

struct ReplayRow {
  std::string subject;
  PendingRow row;
  std::string fault;  // not empty: the model of today cannot be asked for it
};

// Errors: kCorrupt - it does not even name its dead letter.
Result<ReplayRow> ReadReplay(const Replays::Wanted& wanted, const DeploymentSpec& spec);

// The header `dead_row` of a dead letter: all that a model needs to be asked again.
std::string DeadRowText(const std::string& subject, const PendingRow& row,
                        std::span<const scoring::InputColumn> columns);

}  // namespace outrigger::companion
