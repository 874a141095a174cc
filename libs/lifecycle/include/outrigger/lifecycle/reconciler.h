// SPDX-License-Identifier: Apache-2.0
// Reconciler: compares what the database wants with what exists and repairs the difference, so that
// nothing we made is left behind, whoever died when.
//
// Threads:  Tick() is called by one thread, at start and then every 30 s or so.
// Lifetime: its ports must outlive it.
#pragma once

#include <map>
#include <string>

#include "outrigger/lifecycle/boards.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/lifecycle/model_store.h"

namespace outrigger::lifecycle {

struct ReconcilerOptions {
  Millis grace{10'000};  // how long something must be unwanted before it is removed
  int sweep = 20;        // ended deployments looked at again in one tick
};

class Reconciler {
 public:
  Reconciler(ModelWatch& watch, Lifecycle& lifecycle, ModelEngine& engine, FeedTopics& topics,
             RouteBoard& routes, Clock& clock, ReconcilerOptions options = {})
      : watch_(watch),
        lifecycle_(lifecycle),
        engine_(engine),
        topics_(topics),
        routes_(routes),
        clock_(clock),
        options_(options) {}

  // One look at everything. Errors: of the first thing that failed; the others had their turn, and
  // it has its next with the next tick.
  Result<> Tick();

 private:
  Result<> RemoveStrays();
  Result<> RestartMissing();
  Result<> RestartIfMissing(const WatchedModel& model);
  Result<> SweepEnded();
  Result<> Sweep(const Workload& workload);

  ModelWatch& watch_;
  Lifecycle& lifecycle_;
  ModelEngine& engine_;
  FeedTopics& topics_;
  RouteBoard& routes_;
  Clock& clock_;
  const ReconcilerOptions options_;
  std::map<std::string, SteadyTime> strays_;  // "tenant/model/deployment" -> first seen
};

}  // namespace outrigger::lifecycle
