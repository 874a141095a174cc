// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/retention_loop.h"

#include <algorithm>

#include "outrigger/base/log.h"

namespace outrigger::data_pusher {
namespace {

constexpr Millis kReadDeadline{5'000};
constexpr Millis kRest{5};  // between pieces, however small

}  // namespace

RetentionLoop::RetentionLoop(CatalogView& catalog, store::HistoryRetention& history,
                             const RetentionPace& pace, Clock& clock, Metrics& metrics)
    : catalog_(catalog),
      history_(history),
      pace_(pace),
      clock_(clock),
      rows_(metrics.GetCounter("outrigger_pusher_retention_rows_total",
                               "Values deleted because their tenant keeps them no longer")),
      days_(metrics.GetCounter("outrigger_pusher_retention_partitions_total",
                               "Days of history dropped as a whole")),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

RetentionLoop::~RetentionLoop() = default;

void RetentionLoop::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Wait(stop, pace_.every);
    if (!stop.stop_requested()) Sweep(stop);
  }
}

void RetentionLoop::Sweep(const std::stop_token& stop) {
  // What a stale catalog says to remove may have been asked to stay since.
  if (!catalog_.ReadToEnd(kReadDeadline)) return;
  const store::KeptFrom kept = catalog_.Snapshot()->KeptFrom(clock_.WallMs());
  if (kept.empty()) return;
  const auto swept = history_.Sweep(kept, [&](std::int64_t rows) {
    Wait(stop, std::max(kRest, Millis{rows * 1'000 / pace_.rows_per_second}));
    rows_.Add(static_cast<double>(rows));
    return !stop.stop_requested();
  });
  if (swept) {
    days_.Add(swept->days);
    if (swept->rows > 0 || swept->days > 0) {
      LogInfo("history removed", {
                                     {"rows", swept->rows},
                                     {"days", swept->days}
      });
    }
  } else if (swept.error().code() != ErrorCode::kConflict) {  // else: another replica does it
    LogWarning("history not removed, again later", {swept.error()});
  }
}

void RetentionLoop::Wait(const std::stop_token& stop, Millis duration) {
  const SteadyTime until = clock_.Now() + duration;
  while (!stop.stop_requested()) {
    const Millis left = std::chrono::ceil<Millis>(until - clock_.Now());
    if (left.count() <= 0) return;
    SleepFor(std::min(left, Millis{20}));
  }
}

}  // namespace outrigger::data_pusher
