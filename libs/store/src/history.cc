// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/history.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "archive_positions.h"
#include "history_days.h"
#include "outrigger/base/json.h"
#include "outrigger/base/log.h"
#include "outrigger/store/history_sql.h"

namespace outrigger::store {
namespace {

constexpr std::size_t kUpsertChunk = 5'000;

const std::vector<std::string> kColumns = {"tenant", "asset", "telemetry", "time",
                                           "number", "text",  "flag"};
using Fields = std::vector<std::optional<std::string>>;  // in the order of kColumns

Fields FieldsOf(const HistoryRow& row) {
  Fields fields = {row.tenant, row.asset, row.telemetry, std::to_string(row.time), {}, {}, {}};
  if (const double* number = std::get_if<double>(&row.value)) fields[4] = NumberText(*number);
  if (const std::string* text = std::get_if<std::string>(&row.value)) fields[5] = *text;
  if (const bool* flag = std::get_if<bool>(&row.value)) fields[6] = *flag ? "t" : "f";
  return fields;
}

std::string SeriesOf(const HistoryRow& row) {
  return row.tenant + '\0' + row.asset + '\0' + row.telemetry;
}

std::optional<HistoryValue> ValueOf(const Row& row, std::size_t number) {
  if (!row.IsNull(number)) return row.Number(number);
  if (!row.IsNull(number + 1)) return row.Text(number + 1);
  if (!row.IsNull(number + 2)) return row.Bool(number + 2);
  return std::nullopt;
}

// Greatest time of each series, as far as remembered: what is newer needs no look for a conflict.
class NewestTimes {
 public:
  explicit NewestTimes(std::size_t limit) : limit_(limit) {}

  bool IsNewer(const std::string& series, std::int64_t time) const {
    const std::scoped_lock lock(mutex_);
    const auto found = times_.find(series);
    return found != times_.end() && time > found->second;
  }
  void Remember(const std::unordered_map<std::string, const HistoryRow*>& newest) {
    const std::scoped_lock lock(mutex_);
    if (times_.size() + newest.size() > limit_) times_.clear();
    for (const auto& [series, row] : newest) {
      auto [at, fresh] = times_.try_emplace(series, row->time);
      if (!fresh) at->second = std::max(at->second, row->time);
    }
  }
  void Forget() {
    const std::scoped_lock lock(mutex_);
    times_.clear();
  }

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> times_;
};

Result<> Upsert(Transaction& transaction, std::string_view table, std::string_view on_conflict,
                std::span<const HistoryRow* const> rows) {
  for (std::size_t begin = 0; begin < rows.size(); begin += kUpsertChunk) {
    const auto chunk = rows.subspan(begin, std::min(kUpsertChunk, rows.size() - begin));
    std::vector<Fields> columns(kColumns.size());
    for (const HistoryRow* row : chunk) {
      Fields fields = FieldsOf(*row);
      for (std::size_t i = 0; i < fields.size(); ++i) columns[i].push_back(std::move(fields[i]));
    }
    std::vector<Param> params;
    for (const Fields& column : columns) params.emplace_back(ArrayLiteral(column));
    OR_RETURN_IF_ERROR(transaction.Execute(
        "INSERT INTO " + std::string(table) +
            " AS old (tenant, asset, telemetry, time, number, text, flag) SELECT * FROM unnest("
            "$1::text[], $2::text[], $3::text[], $4::bigint[], $5::double precision[], $6::text[], "
            "$7::boolean[]) " +
            std::string(on_conflict),
        params));
  }
  return {};
}

class PostgresHistory final : public HistoryStore {
 public:
  PostgresHistory(Database& archive, Database& readers, const HistoryOptions& options, Clock& clock)
      : archive_(archive),
        readers_(readers),
        newest_(options.series_remembered),
        days_(archive, options, clock) {}

  Result<std::map<ArchivePlace, std::int64_t>> Positions(
      std::span<const ArchivePlace> places) override {
    newest_.Forget();
    return ReadPositions(archive_, places);
  }

  Result<> Append(std::span<const HistoryRow> rows, std::span<const ArchiveMove> moves) override;
  Result<> MakeDaysAhead() override { return days_.MakeAhead(); }
  Result<std::vector<Point>> Points(const PointsQuery& query) override;
  Result<Aggregated> Aggregates(const AggregateQuery& query) override;
  Result<std::vector<LatestValue>> Latest(const TenantId& tenant, const AssetId& asset) override;

 private:
  // What a batch comes to: the last row of each asset, telemetry and time, in order, told apart by
  // how it can be written, and the newest one of each series.
  struct Plan {
    std::vector<const HistoryRow*> fresh;
    std::vector<const HistoryRow*> others;
    std::unordered_map<std::string, const HistoryRow*> newest;
  };
  Plan PlanOf(std::span<const HistoryRow> rows) const;
  Result<> Write(Transaction& transaction, const Plan& plan, std::span<const ArchiveMove> moves);
  std::int64_t TouchedBy(const AggregateQuery& query);

  Database& archive_;
  Database& readers_;
  NewestTimes newest_;
  HistoryDays days_;
};

PostgresHistory::Plan PostgresHistory::PlanOf(std::span<const HistoryRow> rows) const {
  Plan plan;
  std::unordered_map<std::string, const HistoryRow*> last;
  last.reserve(rows.size());
  for (const HistoryRow& row : rows) {
    last[SeriesOf(row) + '\0' + std::to_string(row.time)] = &row;
  }
  for (const HistoryRow& row : rows) {
    const std::string series = SeriesOf(row);
    if (last[series + '\0' + std::to_string(row.time)] != &row) continue;
    (newest_.IsNewer(series, row.time) ? plan.fresh : plan.others).push_back(&row);
    const HistoryRow*& newest = plan.newest[series];
    if (newest == nullptr || row.time >= newest->time) newest = &row;
  }
  return plan;
}

Result<> PostgresHistory::Write(Transaction& transaction, const Plan& plan,
                                std::span<const ArchiveMove> moves) {
  OR_RETURN_IF_ERROR(MovePositions(transaction, moves));
  if (!plan.fresh.empty()) {
    std::size_t at = 0;
    OR_RETURN_IF_ERROR(transaction.Copy("telemetry_history", kColumns, [&](Fields& fields) {
      if (at == plan.fresh.size()) return false;
      fields = FieldsOf(*plan.fresh[at++]);
      return true;
    }));
  }
  OR_RETURN_IF_ERROR(Upsert(transaction, "telemetry_history",
                            "ON CONFLICT (tenant, asset, telemetry, time) DO UPDATE SET "
                            "number = excluded.number, text = excluded.text, flag = excluded.flag",
                            plan.others));
  std::vector<const HistoryRow*> latest;
  latest.reserve(plan.newest.size());
  for (const auto& [series, row] : plan.newest) latest.push_back(row);
  return Upsert(transaction, "telemetry_latest",
                "ON CONFLICT (tenant, asset, telemetry) DO UPDATE SET time = excluded.time, "
                "number = excluded.number, text = excluded.text, flag = excluded.flag "
                "WHERE excluded.time >= old.time",
                latest);
}

Result<> PostgresHistory::Append(std::span<const HistoryRow> rows,
                                 std::span<const ArchiveMove> moves) {
  OR_RETURN_IF_ERROR(days_.Make(rows));
  const Plan plan = PlanOf(rows);
  Result<> written = archive_.Run(std::nullopt, [&](Transaction& transaction) -> Result<> {
    return Write(transaction, plan, moves);
  });
  if (written) {
    newest_.Remember(plan.newest);
  } else {
    newest_.Forget();
  }
  return written;
}

Result<std::vector<Point>> PostgresHistory::Points(const PointsQuery& query) {
  const Statement statement = PointsStatement(query);
  OR_ASSIGN(const Rows rows, readers_.Run(query.tenant, [&](Transaction& transaction) {
    return transaction.Query(statement.sql, statement.params);
  }));
  std::vector<Point> points;
  points.reserve(rows.size());
  for (const Row& row : rows) {
    if (auto value = ValueOf(row, 1)) points.push_back({row.Int(0), *std::move(value)});
  }
  return points;
}

std::int64_t PostgresHistory::TouchedBy(const AggregateQuery& query) {
  const Statement touched = TouchedStatement(query);
  std::int64_t estimate = query.max_rows + 1;
  const auto plan = readers_.Run(query.points.tenant, [&](Transaction& transaction) {
    return transaction.Query("EXPLAIN " + touched.sql, touched.params);
  });
  if (plan && !plan->empty()) {
    const std::string line = plan->front().Text(0);
    if (const auto at = line.find("rows="); at != std::string::npos) {
      std::int64_t rows = 0;
      std::from_chars(line.data() + at + 5, line.data() + line.size(), rows);
      estimate = std::max(estimate, rows);
    }
  }
  return estimate;
}

Result<Aggregated> PostgresHistory::Aggregates(const AggregateQuery& query) {
  const Statement statement = AggregateStatement(query);
  OR_ASSIGN(const Rows rows, readers_.Run(query.points.tenant, [&](Transaction& transaction) {
    return transaction.Query(statement.sql, statement.params);
  }));
  Aggregated aggregated;
  if (!rows.empty() && rows[0].Int(4) > query.max_rows) {
    aggregated.too_much = TouchedBy(query);
    return aggregated;
  }
  aggregated.points.reserve(rows.size());
  for (const Row& row : rows) aggregated.points.push_back({row.Int(0), ValueOf(row, 1)});
  return aggregated;
}

Result<std::vector<LatestValue>> PostgresHistory::Latest(const TenantId& tenant,
                                                         const AssetId& asset) {
  OR_ASSIGN(const Rows rows, readers_.Run(tenant, [&](Transaction& transaction) {
    return transaction.Query(
        "SELECT telemetry, time, number, text, flag FROM telemetry_latest WHERE tenant = $1 AND "
        "asset = $2 ORDER BY telemetry",
        {tenant, asset});
  }));
  std::vector<LatestValue> latest;
  latest.reserve(rows.size());
  for (const Row& row : rows) {
    if (auto value = ValueOf(row, 2)) {
      latest.push_back({
          row.Text(0), {row.Int(1), *std::move(value)}
      });
    }
  }
  return latest;
}

}  // namespace

std::unique_ptr<HistoryStore> MakePostgresHistory(Database& archive, Database& readers,
                                                  const HistoryOptions& options, Clock& clock) {
  return std::make_unique<PostgresHistory>(archive, readers, options, clock);
}

}  // namespace outrigger::store
