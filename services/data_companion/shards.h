// SPDX-License-Identifier: Apache-2.0
// Shards: what this host runs: takes what the group wants here, lets go of what it wants elsewhere.
//
//   wanted ──Take──▶ held ──revoked──▶ leaving (its companions end what they do) ──Release──▶ gone
//
// Threads:  the event loop; ready() from any.
// See also: docs/adr/0015-hosts-share-deployments.md
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "data_companion/event_loop.h"
#include "data_companion/journal_writer.h"
#include "outrigger/base/metrics.h"

namespace outrigger::companion {

class Shards {
 public:
  struct Events {
    std::function<void()> gained;   // more deployments run here
    std::function<void()> leaving;  // fewer; the others' companions are to come to rest
    std::function<bool()> resting;  // they have, and all they said was handed to the writer
    std::function<void()> left;     // they are to be gone
  };
  Shards(EventLoop& loop, Clock& clock, JournalWriter& writer, Metrics& metrics, Events events);

  // Whether a deployment's companion runs here, and whether it did so until just now.
  bool RunsHere(const std::string& deployment) const;
  bool Leaving(const std::string& deployment) const;

  // As the group says.
  void Assign(std::set<int> mine);
  void Revoke(const std::set<int>& gone, std::function<void()> done);

  // Gives the writer what is to be done next, if anything. Requires: the writer is not busy.
  void Pump();

  bool ready() const { return ready_; }

 private:
  void Leave(const std::set<int>& shards);
  void Taken(const std::set<int>& asked, const Result<std::set<int>>& shards);
  void Released(const std::set<int>& shards, const Result<>& released);
  void EndWaiting();
  void Tell();

  EventLoop& loop_;
  Clock& clock_;
  JournalWriter& writer_;
  Gauge& count_;
  const Events events_;
  std::set<int> wanted_, held_;
  std::set<int> leaving_;  // of those held
  std::set<int> taking_;   // asked of the writer
  SteadyTime leave_until_{};
  SteadyTime next_try_{};
  std::vector<std::function<void()>> waiting_;  // for the end of leaving
  std::atomic<bool> ready_{false};
};

}  // namespace outrigger::companion
