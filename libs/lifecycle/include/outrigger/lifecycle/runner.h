// SPDX-License-Identifier: Apache-2.0
// Runner: finishes every saga in the journal, whoever began it, so that a killed service leaves
// nothing half done.
//
// Level-based: a wake-up carries nothing; the truth is read from the journal. Sagas are claimed
// under leases; a saga that waits holds no thread, so a few workers carry hundreds.
//
// Threads:  every method may be called concurrently; steps run on the runner's own threads.
// Lifetime: the platform must outlive it. Stop() or the destructor hands the leases back.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "outrigger/lifecycle/stepper.h"

namespace outrigger::lifecycle {

struct RunnerOptions {
  std::string owner;     // unique to this process
  int workers = 8;       // sagas whose step runs at one moment
  int held = 512;        // sagas leased at one moment
  Millis lease{15'000};  // how long a dead runner's sagas wait for another; > the longest step try
  Millis poll{500};      // how often the journal is looked at unasked
};

class Runner {
 public:
  Runner(Platform platform, RunnerOptions options);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void Start();
  // Ends when every step that runs has returned; each is bounded by its ports' deadlines.
  // Idempotent.
  void Stop();
  // Look at the journal now.
  void Wake();
  // Sagas held at this moment.
  std::size_t Held() const;

 private:
  struct Entry {
    HeldSaga saga;
    SteadyTime due{};
    SteadyTime leased_until{};  // by our own clock; after it nothing new may be begun
    bool running = false;
    // Claimed anew while a step of the old claim still ran: goes on from here when that returns.
    std::optional<SagaRecord> reclaimed;
  };
  using Entries = std::map<OperationId, Entry>;

  void Keep();
  void Work();
  void ClaimMore();
  void RenewLeases();
  void ReleaseAll();
  void Advance(std::unique_lock<std::mutex>& lock, Entries::iterator entry);
  // The entry that is due first and idle; end() when there is none.
  Entries::iterator NextDue();

  Platform platform_;
  const RunnerOptions options_;
  SagaStepper stepper_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable keep_;
  std::map<OperationId, Entry> held_;
  bool woken_ = false;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace outrigger::lifecycle
