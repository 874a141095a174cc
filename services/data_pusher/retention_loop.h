// SPDX-License-Identifier: Apache-2.0
// RetentionLoop: has history removed that its tenant no longer keeps, slowly, so that nobody waits
// for it.
//
// Threads:  one of its own, from construction to destruction.
// See also: docs/adr/0023-retention-by-the-archive.md
#pragma once

#include <thread>

#include "data_pusher/catalog_view.h"
#include "outrigger/base/clock.h"
#include "outrigger/base/metrics.h"
#include "outrigger/store/history_retention.h"

namespace outrigger::data_pusher {

struct RetentionPace {
  Millis every{600'000};
  std::int64_t rows_per_second = 20'000;
};

class RetentionLoop {
 public:
  RetentionLoop(CatalogView& catalog, store::HistoryRetention& history, const RetentionPace& pace,
                Clock& clock, Metrics& metrics);
  ~RetentionLoop();
  RetentionLoop(const RetentionLoop&) = delete;

  // The destructor waits for the end, which it may ask for itself.
  void RequestStop() { thread_.request_stop(); }

 private:
  void Run(const std::stop_token& stop);
  void Sweep(const std::stop_token& stop);
  void Wait(const std::stop_token& stop, Millis duration);

  CatalogView& catalog_;
  store::HistoryRetention& history_;
  const RetentionPace pace_;
  Clock& clock_;
  Counter& rows_;
  Counter& days_;
  std::jthread thread_;  // last: it uses the members above
};

}  // namespace outrigger::data_pusher
