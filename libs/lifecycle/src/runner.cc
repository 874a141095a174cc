// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/runner.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "outrigger/base/log.h"

namespace outrigger::lifecycle {
namespace {

constexpr Millis kAfterDefect{1'000};

// A defect of ours must not end the process: the next one would meet it again at once.
void LogDefect(const char* where, const std::exception& thrown) {
  LogError("a thread of the runner goes on after a defect",
           {
               {"where", where        },
               {"why",   thrown.what()}
  });
}

}  // namespace

Runner::Runner(Platform platform, RunnerOptions options)
    : platform_(platform), options_(std::move(options)), stepper_(platform_) {
  OR_CHECK(!options_.owner.empty() && options_.workers > 0, "a runner has a name and a worker");
}

Runner::~Runner() { Stop(); }

void Runner::Start() {
  threads_.emplace_back([this] { Keep(); });
  for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { Work(); });
}

void Runner::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  keep_.notify_all();
  const bool started = !threads_.empty();
  threads_.clear();
  if (started) ReleaseAll();
}

void Runner::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  keep_.notify_one();
}

std::size_t Runner::Held() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

// The keeper: claims what is new and prolongs what is held.
void Runner::Keep() {
  SteadyTime renewed = platform_.clock.Now();
  while (true) {
    try {
      ClaimMore();
      if (platform_.clock.Now() - renewed >= options_.lease / 3) {
        renewed = platform_.clock.Now();
        RenewLeases();
      }
    } catch (const std::exception& thrown) {
      LogDefect("keeper", thrown);
    }
    std::unique_lock lock(mutex_);
    keep_.wait_for(lock, options_.poll, [this] { return woken_ || stopping_; });
    if (stopping_) return;
    woken_ = false;
  }
}

void Runner::ClaimMore() {
  int room = 0;
  {
    const std::lock_guard lock(mutex_);
    room = options_.held - static_cast<int>(held_.size());
  }
  // The lease runs from before the question, by our clock: never later than the database's.
  const SteadyTime leased_until = platform_.clock.Now() + options_.lease;
  Result<Claimed> claimed =
      platform_.journal.Claim(options_.owner, std::max(room, 0), options_.lease);
  if (!claimed) return;  // the journal is gone: the next look is soon
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = platform_.clock.Now();
    for (const OperationId& id : claimed->superseded) {
      const auto entry = held_.find(id);
      if (entry == held_.end() || entry->second.running) continue;
      entry->second.saga.record.superseded = true;
      entry->second.due = now;
    }
    for (SagaRecord& record : claimed->sagas) {
      const OperationId id = record.ref.id;
      // Claimed anew while still held: our old lease had run out, because we were frozen. The
      // worker inside a step works under the old epoch and will be refused.
      if (const auto old = held_.find(id); old != held_.end() && old->second.running) {
        old->second.reclaimed = std::move(record);
        old->second.leased_until = leased_until;
        continue;
      }
      held_.insert_or_assign(id, Entry{.saga = Hold(std::move(record), now),
                                       .due = now,
                                       .leased_until = leased_until,
                                       .running = false,
                                       .reclaimed = {}});
    }
  }
  work_.notify_all();
}

void Runner::RenewLeases() {
  std::vector<SagaRef> refs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : held_)
      refs.push_back(entry.reclaimed ? entry.reclaimed->ref : entry.saga.record.ref);
  }
  if (refs.empty()) return;
  const SteadyTime leased_until = platform_.clock.Now() + options_.lease;
  const Result<std::vector<OperationId>> ours = platform_.journal.Renew(refs, options_.lease);
  if (!ours) return;  // they expire; until then the work goes on
  const std::lock_guard lock(mutex_);
  for (const OperationId& id : *ours) {
    const auto entry = held_.find(id);
    if (entry != held_.end()) entry->second.leased_until = leased_until;
  }
}

void Runner::ReleaseAll() {
  std::vector<SagaRef> refs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : held_) refs.push_back(entry.saga.record.ref);
    held_.clear();
  }
  if (refs.empty()) return;
  if (auto released = platform_.journal.Release(refs); !released)
    LogWarning("leases could not be handed back and will run out", {released.error()});
}

Runner::Entries::iterator Runner::NextDue() {
  auto next = held_.end();
  for (auto entry = held_.begin(); entry != held_.end(); ++entry)
    if (!entry->second.running && (next == held_.end() || entry->second.due < next->second.due))
      next = entry;
  return next;
}

void Runner::Work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto entry = NextDue();
    if (entry == held_.end()) {
      work_.wait(lock);
    } else if (const SteadyTime now = platform_.clock.Now(); entry->second.due > now) {
      work_.wait_for(lock, entry->second.due - now);
    } else if (entry->second.leased_until <= now) {
      held_.erase(entry);  // slept past the lease: another worker may have it
    } else {
      Advance(lock, entry);
    }
  }
}

void Runner::Advance(std::unique_lock<std::mutex>& lock, Entries::iterator entry) {
  entry->second.running = true;
  lock.unlock();
  Turn turn{TurnOutcome::kLater, kAfterDefect};
  try {
    turn = stepper_.Advance(entry->second.saga);
  } catch (const std::exception& thrown) {
    LogDefect("worker", thrown);
  }
  lock.lock();
  entry->second.running = false;
  if (entry->second.reclaimed) {
    const SteadyTime now = platform_.clock.Now();
    entry->second.saga = Hold(*std::exchange(entry->second.reclaimed, std::nullopt), now);
    entry->second.due = now;
    return;
  }
  switch (turn.outcome) {
    case TurnOutcome::kGoOn:
      entry->second.due = platform_.clock.Now();
      break;
    case TurnOutcome::kLater:
      entry->second.due = platform_.clock.Now() + turn.delay;
      break;
    case TurnOutcome::kEnded:
      woken_ = true;  // another saga may have waited for this end
      keep_.notify_one();
      held_.erase(entry);
      break;
    case TurnOutcome::kLost:
      held_.erase(entry);
      break;
  }
  work_.notify_one();
}

}  // namespace outrigger::lifecycle
