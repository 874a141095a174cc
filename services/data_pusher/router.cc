// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/router.h"

#include "data_pusher/routing_session.h"
#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"

namespace outrigger::data_pusher {

Router::Router(const RouterOptions& options, CatalogView& catalog, HotStore& hot, Clock& clock,
               Metrics& metrics)
    : options_(options),
      catalog_(catalog),
      hot_(hot),
      clock_(clock),
      metrics_(metrics),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Router::~Router() = default;

void Router::Run(const std::stop_token& stop) {
  // Routed by an unread catalog, samples would pass their models unseen.
  while (!catalog_.Ready() && !stop.stop_requested()) SleepFor(Millis{20});
  const RetrySchedule retry{Millis{200}, Millis{5'000}, 0};
  for (int failures = 0; !stop.stop_requested();) {
    const SteadyTime began = clock_.Now();
    RoutingSession session(options_, catalog_, hot_, clock_, metrics_);
    const Result<> ended = session.Run(stop, running_);
    running_ = false;
    if (ended) return;
    LogError("router begins anew", {ended.error()});
    failures = clock_.Now() - began > Millis{60'000} ? 1 : failures + 1;
    const SteadyTime until = clock_.Now() + retry.Delay(failures + 1, RandomUnit());
    while (clock_.Now() < until && !stop.stop_requested()) SleepFor(Millis{20});
  }
}

}  // namespace outrigger::data_pusher
