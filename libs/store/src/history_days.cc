// SPDX-License-Identifier: Apache-2.0
#include "history_days.h"

#include "outrigger/base/log.h"

namespace outrigger::store {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

std::int64_t DayOf(std::int64_t ms) { return ms / kDayMs - (ms % kDayMs < 0 ? 1 : 0); }

}  // namespace

std::int64_t HistoryDays::Today() const { return DayOf(clock_.WallMs()); }

Result<> HistoryDays::MakeAhead() {
  const std::int64_t today = Today();
  for (std::int64_t day = today; day <= today + options_.days_ahead; ++day) {
    OR_RETURN_IF_ERROR(MakeDay(day));
  }
  return {};
}

Result<> HistoryDays::Make(std::span<const HistoryRow> rows) {
  const std::int64_t first = Today() - options_.days_behind;
  const std::int64_t last = Today() + options_.days_ahead;
  std::set<std::int64_t> wanted;
  for (const HistoryRow& row : rows) {
    const std::int64_t day = DayOf(row.time);
    if (day >= first && day <= last) wanted.insert(day);
  }
  for (const std::int64_t day : wanted) {
    const Result<> made = MakeDay(day);
    if (made) continue;
    if (made.error().code() == ErrorCode::kUnavailable) return made;
    // The default partition takes the rows; they move when the day is made.
    LogWarning("history day not made", {
                                           {"day", day},
                                           made.error()
    });
  }
  return {};
}

Result<> HistoryDays::MakeDay(std::int64_t day) {
  const std::scoped_lock lock(mutex_);
  if (made_.contains(day)) return {};
  const std::int64_t begins = day * kDayMs;
  OR_ASSIGN(
      const bool there, archive_.Run(std::nullopt, [&](Transaction& transaction) -> Result<bool> {
        OR_ASSIGN(const Rows made,
                  transaction.Query("SELECT outrigger_make_history_day($1)", {begins}));
        if (made.at(0).Bool(0)) return true;
        OR_ASSIGN(const Rows found,
                  transaction.Query("SELECT to_regclass('public.telemetry_history_' || "
                                    "to_char(to_timestamp($1::bigint / 1000) AT TIME ZONE 'UTC', "
                                    "'YYYYMMDD')) IS NOT NULL",
                                    {begins}));
        return found.at(0).Bool(0);
      }));
  if (!there) OR_RETURN_IF_ERROR(MoveFromDefault(begins));
  made_.insert(day);
  return {};
}

Result<> HistoryDays::MoveFromDefault(std::int64_t begins) {
  return archive_.Run(std::nullopt, [&](Transaction& transaction) -> Result<> {
    OR_RETURN_IF_ERROR(transaction.Execute(
        "CREATE TEMPORARY TABLE moved_history ON COMMIT DROP AS SELECT * FROM telemetry_history "
        "WHERE false"));
    OR_RETURN_IF_ERROR(transaction.Execute(
        "WITH taken AS (DELETE FROM telemetry_history WHERE time >= $1 AND time < $2 RETURNING *) "
        "INSERT INTO moved_history SELECT * FROM taken",
        {begins, begins + kDayMs}));
    OR_ASSIGN(const Rows made,
              transaction.Query("SELECT outrigger_make_history_day($1)", {begins}));
    if (!made.at(0).Bool(0)) {
      return Error(ErrorCode::kConflict, "the default partition holds new rows of that day");
    }
    OR_RETURN_IF_ERROR(
        transaction.Execute("INSERT INTO telemetry_history SELECT * FROM moved_history"));
    LogInfo("history day moved from the default partition", {
                                                                {"begins", begins}
    });
    return {};
  });
}

}  // namespace outrigger::store
