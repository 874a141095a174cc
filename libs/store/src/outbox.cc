// SPDX-License-Identifier: Apache-2.0
#include "outrigger/store/outbox.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::store {
namespace {

constexpr std::int64_t kBatchBytes = 32 << 20;

// Locks the lease's row and refuses who no longer holds it.
Result<> CheckLease(Transaction& transaction, const Lease& lease) {
  OR_ASSIGN(const Rows rows,
            transaction.Query("SELECT owner, epoch, until > clock_timestamp() FROM lease "
                              "WHERE name = $1 FOR UPDATE",
                              {lease.name}));
  if (rows.empty() || rows[0].Text(0) != lease.owner || rows[0].Int(1) != lease.epoch ||
      !rows[0].Bool(2))
    return Error(ErrorCode::kConflict, "the lease " + lease.name + " is no longer ours");
  return {};
}

std::string IdArray(const std::vector<std::int64_t>& ids) {
  std::string text = "{";
  for (const std::int64_t id : ids) text += (text.size() > 1 ? "," : "") + std::to_string(id);
  return text + "}";
}

OutboxRecord RecordOf(const Row& row) {
  OutboxRecord record{row.Int(0),      row.Text(1), row.Text(2), row.Text(3),
                      row.Optional(4), {},          row.Int(6)};
  const auto headers = nlohmann::json::parse(row.Text(5), nullptr, false);
  if (headers.is_object())
    for (const auto& [name, value] : headers.items())
      if (value.is_string()) record.headers[name] = value.get<std::string>();
  return record;
}

}  // namespace

Result<std::int64_t> Enqueue(Transaction& transaction, std::string_view topic, std::string_view key,
                             const std::optional<std::string>& value,
                             const std::map<std::string, std::string>& headers) {
  OR_ASSIGN(
      const Rows rows,
      transaction.Query(
          "INSERT INTO outbox (topic, key, value, headers) VALUES ($1, $2, $3, $4) RETURNING id",
          {topic, key, value, Dump(nlohmann::json(headers))}));
  return rows.at(0).Int(0);
}

Result<std::optional<std::int64_t>> PublishedRevision(Transaction& transaction, std::int64_t id) {
  OR_ASSIGN(const Rows rows,
            transaction.Query(
                "SELECT published_at IS NOT NULL, coalesce(revision, 0) FROM outbox WHERE id = $1",
                {id}));
  if (rows.empty()) return std::optional<std::int64_t>(0);
  if (!rows[0].Bool(0)) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(rows[0].Int(1));
}

Result<Lease> TakeLease(Database& database, const std::string& name, const std::string& owner,
                        std::chrono::milliseconds duration) {
  return database.Run(std::nullopt, [&](Transaction& transaction) -> Result<Lease> {
    OR_ASSIGN(
        const Rows rows,
        transaction.Query(
            "INSERT INTO lease AS l (name, owner, until) "
            "VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 ms') "
            "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until, "
            "epoch = l.epoch + CASE WHEN l.owner = excluded.owner AND l.until > clock_timestamp() "
            "THEN 0 ELSE 1 END "
            "WHERE l.owner = excluded.owner OR l.until <= clock_timestamp() RETURNING epoch",
            {name, owner, static_cast<std::int64_t>(duration.count())}));
    if (rows.empty()) return Error(ErrorCode::kConflict, "another holds the lease " + name);
    return Lease{name, owner, rows[0].Int(0)};
  });
}

Result<> ReleaseLease(Database& database, const Lease& lease) {
  return database.Run(std::nullopt, [&](Transaction& transaction) -> Result<> {
    OR_RETURN_IF_ERROR(transaction.Execute(
        "UPDATE lease SET until = clock_timestamp() WHERE name = $1 AND owner = $2 AND epoch = $3",
        {lease.name, lease.owner, lease.epoch}));
    return {};
  });
}

Result<std::vector<OutboxRecord>> TakeUnpublished(Database& database, const Lease& lease,
                                                  int limit) {
  using Batch = std::vector<OutboxRecord>;
  return database.Run(std::nullopt, [&](Transaction& transaction) -> Result<Batch> {
    OR_RETURN_IF_ERROR(CheckLease(transaction, lease));
    OR_RETURN_IF_ERROR(transaction.Execute(
        "WITH fresh AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM outbox "
        "               WHERE published_at IS NULL AND revision IS NULL ORDER BY id LIMIT $2), "
        "given AS (UPDATE outbox o SET revision = l.counter + f.n FROM fresh f, lease l "
        "          WHERE o.id = f.id AND l.name = $1 RETURNING 1) "
        "UPDATE lease SET counter = counter + (SELECT count(*) FROM given) WHERE name = $1",
        {lease.name, limit}));
    OR_ASSIGN(
        const Rows rows,
        transaction.Query(
            "SELECT id, coalesce(tenant, ''), topic, key, value, headers, revision FROM ("
            "  SELECT *, sum(coalesce(octet_length(value), 0)) OVER (ORDER BY revision) - "
            "            coalesce(octet_length(value), 0) AS before "
            "  FROM (SELECT * FROM outbox WHERE published_at IS NULL AND revision IS NOT NULL "
            "        ORDER BY revision LIMIT $1) waiting) weighed "
            "WHERE before < $2 ORDER BY revision",
            {limit, kBatchBytes}));
    Batch batch;
    batch.reserve(rows.size());
    for (const Row& row : rows) batch.push_back(RecordOf(row));
    return batch;
  });
}

Result<> MarkPublished(Database& database, const Lease& lease,
                       const std::vector<std::int64_t>& ids) {
  if (ids.empty()) return {};
  return database.Run(std::nullopt, [&](Transaction& transaction) -> Result<> {
    OR_RETURN_IF_ERROR(CheckLease(transaction, lease));
    OR_RETURN_IF_ERROR(
        transaction.Execute("UPDATE outbox SET published_at = clock_timestamp() WHERE id = "
                            "ANY($1::bigint[]) AND published_at IS NULL",
                            {IdArray(ids)}));
    return {};
  });
}

Result<std::int64_t> PrunePublished(Database& database, std::chrono::milliseconds age) {
  return database.Run(std::nullopt, [&](Transaction& transaction) {
    return transaction.Execute(
        "DELETE FROM outbox WHERE published_at < clock_timestamp() - $1::bigint * interval '1 ms'",
        {static_cast<std::int64_t>(age.count())});
  });
}

Result<OutboxBacklog> Backlog(Database& database) {
  return database.Run(std::nullopt, [&](Transaction& transaction) -> Result<OutboxBacklog> {
    OR_ASSIGN(const Rows rows,
              transaction.Query("SELECT count(*), coalesce((extract(epoch FROM clock_timestamp() - "
                                "min(created_at)) * 1000)"
                                "::bigint, 0) FROM outbox WHERE published_at IS NULL"));
    return OutboxBacklog{rows.at(0).Int(0), rows[0].Int(1)};
  });
}

}  // namespace outrigger::store
