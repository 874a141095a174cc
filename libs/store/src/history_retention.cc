// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/history_retention.h"

#include <algorithm>
#include <format>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "outrigger/base/log.h"
#include "outrigger/store/history_sql.h"

namespace outrigger::store {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

// Where rows of one tenant are to go: the day's partition, or the default one.
struct Span {
  std::string table;
  std::int64_t begins = 0;
  std::int64_t ends = 0;
};

// The series that the next piece looks behind; telemetry_latest has one row for each.
struct SeriesPlace {
  std::string asset;
  std::string telemetry;
};

// What one piece came to; no place: there are no more series.
struct Piece {
  std::int64_t rows = 0;
  std::optional<SeriesPlace> next;
};

class PostgresRetention final : public HistoryRetention {
 public:
  PostgresRetention(Database& archive, RetentionOptions options)
      : archive_(archive), options_(std::move(options)) {}

  Result<Swept> Sweep(const KeptFrom& kept,
                      const std::function<bool(std::int64_t)>& pause) override;

 private:
  using Pause = std::function<bool(std::int64_t)>;

  // Runs `work` in a transaction of whoever holds the lease, which it prolongs.
  template <typename Work>
  auto Run(Work work) -> decltype(work(std::declval<Transaction&>())) {
    return archive_.Run(std::nullopt, [&](Transaction& transaction) {
      using Answer = decltype(work(transaction));
      if (Result<> held = Hold(transaction); !held) return Answer(std::move(held).error());
      return work(transaction);
    });
  }
  Result<> Hold(Transaction& transaction) const;
  Result<std::vector<std::int64_t>> DaysBefore(std::int64_t time);
  Result<std::vector<std::string>> TenantsOf(std::int64_t day);
  Result<bool> SweepDay(std::int64_t day, const KeptFrom& kept, const Pause& pause, Swept& swept);
  Result<bool> SweepTenant(const Span& span, const std::string& tenant, const Pause& pause,
                           Swept& swept);
  Result<Piece> Delete(const Span& span, const std::string& tenant, const SeriesPlace& after);

  Database& archive_;
  const RetentionOptions options_;
};

Result<> PostgresRetention::Hold(Transaction& transaction) const {
  OR_ASSIGN(const std::int64_t held,
            transaction.Execute(
                "INSERT INTO archive_lease AS l (name, owner, until) VALUES ('retention', $1, "
                "clock_timestamp() + $2::bigint * interval '1 ms') ON CONFLICT (name) DO UPDATE "
                "SET owner = excluded.owner, until = excluded.until "
                "WHERE l.owner = excluded.owner OR l.until <= clock_timestamp()",
                {options_.owner, static_cast<std::int64_t>(options_.lease.count())}));
  if (held == 0) return Error(ErrorCode::kConflict, "another one removes history now");
  // Every look goes by a key; statistics of a young table would say otherwise.
  OR_RETURN_IF_ERROR(transaction.Execute("SET LOCAL enable_seqscan = off"));
  return {};
}

Result<std::vector<std::int64_t>> PostgresRetention::DaysBefore(std::int64_t time) {
  return Run([&](Transaction& transaction) -> Result<std::vector<std::int64_t>> {
    OR_ASSIGN(
        const Rows rows,
        transaction.Query(
            "SELECT begins FROM (SELECT extract(epoch FROM to_date(right(c.relname, 8), "
            "'YYYYMMDD'))::bigint * 1000 AS begins FROM pg_inherits i JOIN pg_class c ON "
            "c.oid = i.inhrelid WHERE i.inhparent = 'public.telemetry_history'::regclass AND "
            "c.relname ~ '^telemetry_history_[0-9]{8}$') days WHERE begins + $2 <= $1 ORDER BY 1",
            {time, kDayMs}));
    std::vector<std::int64_t> days;
    for (const Row& row : rows) days.push_back(row.Int(0));
    return days;
  });
}

// One look into the index for each tenant.
Result<std::vector<std::string>> PostgresRetention::TenantsOf(std::int64_t day) {
  return Run([&](Transaction& transaction) -> Result<std::vector<std::string>> {
    std::vector<std::string> tenants;
    for (std::string last;; last = tenants.back()) {
      OR_ASSIGN(const Rows rows,
                transaction.Query("SELECT tenant FROM telemetry_history WHERE time >= $1 AND "
                                  "time < $2 AND tenant > $3 ORDER BY tenant LIMIT 1",
                                  {day, day + kDayMs, last}));
      if (rows.empty()) return tenants;
      tenants.push_back(rows[0].Text(0));
    }
  });
}

Result<Piece> PostgresRetention::Delete(const Span& span, const std::string& tenant,
                                        const SeriesPlace& after) {
  return Run([&](Transaction& transaction) -> Result<Piece> {
    OR_ASSIGN(const Rows last,
              transaction.Query(
                  "SELECT asset, telemetry, count(*) OVER () FROM (SELECT asset, telemetry FROM "
                  "telemetry_latest WHERE tenant = $1 AND (asset, telemetry) > ($2, $3) ORDER BY "
                  "asset, telemetry LIMIT $4) series ORDER BY asset DESC, telemetry DESC LIMIT 1",
                  {tenant, after.asset, after.telemetry, options_.series}));
    Piece piece;
    if (last.empty()) return piece;
    // Rows that the archive corrects just now are left for the next sweep: nobody waits for us
    // while we wait for him.
    OR_ASSIGN(
        piece.rows,
        transaction.Execute(
            std::format("DELETE FROM {0} WHERE time >= $6 AND time < $7 AND ctid = ANY (ARRAY("
                        "SELECT old.ctid FROM telemetry_latest s CROSS JOIN LATERAL (SELECT h.ctid "
                        "FROM {0} h WHERE h.tenant = $1 AND h.asset = s.asset AND h.telemetry = "
                        "s.telemetry AND h.time >= $6 AND h.time < $7 ORDER BY h.time LIMIT $8 "
                        "FOR UPDATE SKIP LOCKED) old WHERE s.tenant = $1 AND (s.asset, "
                        "s.telemetry) > ($2, $3) AND (s.asset, s.telemetry) <= ($4, $5) LIMIT $8))",
                        span.table),
            {tenant, after.asset, after.telemetry, last[0].Text(0), last[0].Text(1), span.begins,
             span.ends, options_.rows}));
    if (piece.rows == options_.rows) {
      piece.next = after;  // there may be more of them
    } else if (last[0].Int(2) == options_.series) {
      piece.next = SeriesPlace{last[0].Text(0), last[0].Text(1)};
    }
    return piece;
  });
}

// False: told to end.
Result<bool> PostgresRetention::SweepTenant(const Span& span, const std::string& tenant,
                                            const Pause& pause, Swept& swept) {
  std::optional<SeriesPlace> at = SeriesPlace{};
  while (at) {
    OR_ASSIGN(Piece piece, Delete(span, tenant, *at));
    swept.rows += piece.rows;
    if (!pause(piece.rows)) return false;
    at = std::move(piece.next);
  }
  return true;
}

// False: told to end.
Result<bool> PostgresRetention::SweepDay(std::int64_t day, const KeptFrom& kept, const Pause& pause,
                                         Swept& swept) {
  OR_ASSIGN(const std::vector<std::string> tenants, TenantsOf(day));
  std::vector<std::optional<std::string>> done;
  for (const std::string& tenant : tenants) {
    const auto from = kept.find(tenant);
    if (from != kept.end() && day + kDayMs <= from->second) done.emplace_back(tenant);
  }
  if (done.size() == tenants.size()) {
    const auto dropped = Run([&](Transaction& transaction) {
      return transaction.Query("SELECT outrigger_drop_history_day($1, $2::text[])",
                               {day, ArrayLiteral(done)});
    });
    if (dropped) {
      swept.days += dropped->at(0).Bool(0) ? 1 : 0;
      return pause(0);
    }
    if (dropped.error().code() != ErrorCode::kTimeout) return dropped.error();
    LogInfo("a day of history is dropped later, it is being read", {
                                                                       {"begins", day}
    });
    return pause(0);
  }
  for (const auto& tenant : done) {
    const Span span{"telemetry_history", day, day + kDayMs};
    OR_ASSIGN(const bool on, SweepTenant(span, *tenant, pause, swept));
    if (!on) return false;
  }
  return true;
}

Result<Swept> PostgresRetention::Sweep(const KeptFrom& kept, const Pause& pause) {
  Swept swept;
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  for (const auto& [tenant, from] : kept) newest = std::max(newest, from);
  OR_ASSIGN(const std::vector<std::int64_t> days, DaysBefore(newest));
  for (const std::int64_t day : days) {
    OR_ASSIGN(const bool on, SweepDay(day, kept, pause, swept));
    if (!on) return swept;
  }
  for (const auto& [tenant, from] : kept) {
    const Span span{"telemetry_history_default", std::numeric_limits<std::int64_t>::min(), from};
    OR_ASSIGN(const bool on, SweepTenant(span, tenant, pause, swept));
    if (!on) return swept;
  }
  return swept;
}

}  // namespace

std::unique_ptr<HistoryRetention> MakePostgresRetention(Database& archive,
                                                        RetentionOptions options) {
  return std::make_unique<PostgresRetention>(archive, std::move(options));
}

}  // namespace outrigger::store
