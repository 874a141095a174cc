// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/history_outputs.h"

#include <algorithm>
#include <format>
#include <utility>

#include "archive_positions.h"
#include "outrigger/base/clock.h"
#include "outrigger/store/history_sql.h"

namespace outrigger::store {
namespace {

constexpr std::size_t kChunk = 2'000;
using Fields = std::vector<std::optional<std::string>>;

Fields FieldsOf(const OutputRow& row) {
  Fields fields = {row.tenant,
                   row.model,
                   row.asset,
                   std::to_string(row.time),
                   row.identity,
                   std::to_string(row.position),
                   row.values,
                   row.version,
                   row.digest,
                   row.deployment,
                   {},
                   {},
                   row.request_id};
  if (row.window) {
    fields[10] = std::to_string(row.window->first);
    fields[11] = std::to_string(row.window->second);
  }
  return fields;
}

Fields FieldsOf(const DeadLetterRow& row) {
  return {row.tenant,           row.id,     row.model,  row.deployment,
          row.request_id,       row.cause,  row.detail, std::to_string(row.tries),
          FormatTime(row.time), row.source, row.record, row.row,
          row.replay_of};
}

constexpr std::string_view kInsertOutputs =
    "INSERT INTO model_output (tenant, model, asset_id, time, identity, \"position\", \"values\", "
    "version, "
    "digest, deployment, window_start, window_end, request_id) SELECT * FROM unnest($1::text[], "
    "$2::text[], $3::text[], $4::bigint[], $5::text[], $6::integer[], $7::jsonb[], $8::text[], "
    "$9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::text[]) ON CONFLICT DO NOTHING";

constexpr std::string_view kInsertDead =
    "INSERT INTO dead_letter (tenant, id, model, deployment, request_id, cause, detail, tries, "
    "time, source, record, dead_row, replay_of) SELECT * FROM unnest($1::text[], $2::text[], "
    "$3::text[], $4::text[], "
    "$5::text[], $6::text[], $7::text[], $8::integer[], $9::timestamptz[], $10::text[], "
    "$11::text[], $12::text[], $13::text[]) ON CONFLICT DO NOTHING";

template <typename T>
Result<> Insert(Transaction& transaction, std::string_view sql, std::span<const T> rows) {
  for (std::size_t begin = 0; begin < rows.size(); begin += kChunk) {
    std::vector<Fields> columns;
    for (const T& row : rows.subspan(begin, std::min(kChunk, rows.size() - begin))) {
      Fields fields = FieldsOf(row);
      columns.resize(fields.size());
      for (std::size_t i = 0; i < fields.size(); ++i) columns[i].push_back(std::move(fields[i]));
    }
    std::vector<Param> params;
    for (const Fields& column : columns) params.emplace_back(ArrayLiteral(column));
    OR_RETURN_IF_ERROR(transaction.Execute(sql, params));
  }
  return {};
}

Statement OutputsStatement(const OutputsQuery& query) {
  Statement statement;
  statement.params = {query.tenant, query.model};
  const auto bind = [&](Param param) {
    statement.params.push_back(std::move(param));
    return '$' + std::to_string(statement.params.size());
  };
  std::string& sql = statement.sql;
  sql =
      "SELECT asset_id, time, identity, \"position\", \"values\", version, digest, deployment, "
      "window_start, window_end, request_id FROM model_output WHERE tenant = $1 AND model = $2";
  if (query.asset) sql += " AND asset_id = " + bind(*query.asset);
  if (query.from) sql += std::format(" AND time >= {}::bigint", bind(*query.from));
  if (query.to) sql += std::format(" AND time < {}::bigint", bind(*query.to));
  if (query.after) {
    const std::string time = bind(query.after->time), identity = bind(query.after->identity);
    sql += std::format(" AND (time, identity, position) {} ({}::bigint, {}, {}::integer)",
                       query.descending ? "<" : ">", time, identity, bind(query.after->position));
  }
  sql +=
      std::format(" ORDER BY time {0}, identity {0}, position {0} LIMIT {1}::bigint",
                  query.descending ? "DESC" : "ASC", bind(static_cast<std::int64_t>(query.limit)));
  return statement;
}

class PostgresOutputs final : public OutputStore {
 public:
  PostgresOutputs(Database& archive, Database& readers) : archive_(archive), readers_(readers) {}

  Result<std::map<ArchivePlace, std::int64_t>> Positions(
      std::span<const ArchivePlace> places) override {
    return ReadPositions(archive_, places);
  }

  Result<> Append(std::span<const OutputRow> outputs, std::span<const DeadLetterRow> dead,
                  std::span<const ArchiveMove> moves) override {
    return archive_.Run(std::nullopt, [&](Transaction& transaction) -> Result<> {
      OR_RETURN_IF_ERROR(MovePositions(transaction, moves));
      OR_RETURN_IF_ERROR(Insert(transaction, kInsertOutputs, outputs));
      return Insert(transaction, kInsertDead, dead);
    });
  }

  Result<std::vector<OutputRow>> Outputs(const OutputsQuery& query) override {
    const Statement statement = OutputsStatement(query);
    OR_ASSIGN(const Rows rows, readers_.Run(query.tenant, [&](Transaction& transaction) {
      return transaction.Query(statement.sql, statement.params);
    }));
    std::vector<OutputRow> outputs;
    outputs.reserve(rows.size());
    for (const Row& row : rows) {
      OutputRow& output = outputs.emplace_back();
      output.tenant = query.tenant.str();
      output.model = query.model.str();
      output.asset = row.Text(0);
      output.time = row.Int(1);
      output.identity = row.Text(2);
      output.position = static_cast<int>(row.Int(3));
      output.values = row.Text(4);
      output.version = row.Text(5);
      output.digest = row.Text(6);
      output.deployment = row.Text(7);
      if (!row.IsNull(8) && !row.IsNull(9)) output.window = {row.Int(8), row.Int(9)};
      output.request_id = row.Text(10);
    }
    return outputs;
  }

  Result<bool> KnowsModel(const TenantId& tenant, const ModelName& model) override {
    OR_ASSIGN(const Rows rows, readers_.Run(tenant, [&](Transaction& transaction) {
      return transaction.Query(
          "SELECT 1 WHERE EXISTS (SELECT 1 FROM model WHERE tenant = $1 AND name = $2) "
          "OR EXISTS (SELECT 1 FROM model_output WHERE tenant = $1 AND model = $2)",
          {tenant, model});
    }));
    return !rows.empty();
  }

 private:
  Database& archive_;
  Database& readers_;
};

}  // namespace

std::unique_ptr<OutputStore> MakePostgresOutputs(Database& archive, Database& readers) {
  return std::make_unique<PostgresOutputs>(archive, readers);
}

}  // namespace outrigger::store
