// SPDX-License-Identifier: Apache-2.0
// Supervision: the clock of everything that happens unasked: judging health, reconciling,
// forgetting old answers. Of several replicas the holder of a lease does it.
//
// Threads:  the work runs on a thread of its own.
// Lifetime: the parts outlive it; the destructor ends the round that runs.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "outrigger/base/clock.h"
#include "outrigger/base/metrics.h"
#include "outrigger/store/database.h"
#include "outrigger/store/outbox.h"

namespace outrigger::model_api {

class Supervision {
 public:
  struct Parts {
    store::Database& worker;  // Access::kWorker
    std::function<bool()> ready;
    std::function<Result<>()> supervise;
    std::function<Result<>()> settle;  // ends of dead letters that were tried again
    std::function<Result<>()> reconcile;
    std::function<Result<>()> forget;  // what is too old
    Clock& clock;
    Metrics& metrics;
    Millis supervise_every{500};
    Millis reconcile_every{30'000};
  };
  explicit Supervision(Parts parts);
  ~Supervision();

 private:
  void Run(std::stop_token stop);
  void Round();
  bool HoldLease();
  void Do(const char* what, const std::function<Result<>()>& work);

  const Parts parts_;
  const std::string owner_;
  std::optional<store::Lease> lease_;
  SteadyTime lease_until_{};
  SteadyTime reconcile_at_{};
  SteadyTime forget_at_{};
  std::jthread thread_;
};

}  // namespace outrigger::model_api
