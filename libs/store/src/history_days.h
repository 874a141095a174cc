// SPDX-License-Identifier: Apache-2.0
// HistoryDays: the day partitions of telemetry_history, so that a day can be dropped as a whole and
// no append waits for the making of a table.
//
// Threads:  every method may be called concurrently.
// See also: docs/adr/0010-history-in-native-partitions.md
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <span>

#include "outrigger/base/clock.h"
#include "outrigger/base/result.h"
#include "outrigger/store/database.h"
#include "outrigger/store/history.h"

namespace outrigger::store {

class HistoryDays {
 public:
  HistoryDays(Database& archive, const HistoryOptions& options, Clock& clock)
      : archive_(archive), options_(options), clock_(clock) {}

  // Today and the days ahead. What the default partition holds of them moves over.
  // Idempotent. Errors: kUnavailable, kTimeout.
  Result<> MakeAhead();

  // The days of these rows, as far as days have partitions of their own.
  // Errors: kUnavailable.
  Result<> Make(std::span<const HistoryRow> rows);

 private:
  Result<> MakeDay(std::int64_t day);
  Result<> MoveFromDefault(std::int64_t begins);
  std::int64_t Today() const;

  Database& archive_;
  const HistoryOptions options_;
  Clock& clock_;
  std::mutex mutex_;
  std::set<std::int64_t> made_;  // days since the epoch
};

}  // namespace outrigger::store
