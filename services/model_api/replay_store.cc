// SPDX-License-Identifier: Apache-2.0
#include "model_api/replay_store.h"

#include <optional>
#include <utility>

#include "outrigger/store/history_sql.h"

namespace outrigger::model_api {
namespace {

constexpr std::size_t kAtOnce = 1'000;

std::string ArrayOf(const std::vector<std::string>& texts) {
  const std::vector<std::optional<std::string>> elements(texts.begin(), texts.end());
  return store::ArrayLiteral(elements);
}

}  // namespace

Result<std::map<std::string, Letter>> FindLetters(store::Transaction& transaction,
                                                  const std::string& model,
                                                  const std::vector<std::string>& ids) {
  OR_ASSIGN(const auto rows,
            transaction.Query("SELECT id, cause, dead_row IS NOT NULL AND record IS NOT NULL "
                              "FROM dead_letter WHERE model = $1 AND id = ANY($2::text[])",
                              {model, ArrayOf(ids)}));
  std::map<std::string, Letter> letters;
  for (const auto& row : rows) letters[row.Text(0)] = {row.Text(1), row.Bool(2)};
  return letters;
}

// All of it inside PostgreSQL: records of megabytes are never held here. The name is a digest, so
// that it is a key whatever the id holds. Letters of one millisecond go in the order of their feed.
Result<Enqueued> EnqueueReplays(store::Transaction& transaction, const TenantId& tenant,
                                const std::string& model, const std::string& deployment,
                                const std::optional<std::vector<std::string>>& ids) {
  const std::optional<std::string> only =
      ids ? std::optional<std::string>(ArrayOf(*ids)) : std::nullopt;
  OR_ASSIGN(const auto rows, transaction.Query(R"sql(
      WITH open AS (
        SELECT count(*) AS letters, coalesce(sum(octet_length(record) + octet_length(dead_row)), 0) AS bytes
          FROM dead_letter WHERE replay_in = $2 AND replay_end IS NULL),
      wanted AS (
        SELECT id, time, source, octet_length(record) + octet_length(dead_row) AS bytes
          FROM dead_letter
         WHERE model = $1 AND dead_row IS NOT NULL AND replay_in IS NULL AND record IS NOT NULL
           AND ($3::text[] IS NULL OR id = ANY($3::text[]))
         ORDER BY time, length(source), source, id LIMIT $5::bigint + 1),
      summed AS (
        SELECT id, row_number() OVER oldest AS n, sum(bytes) OVER oldest AS upto
          FROM wanted WINDOW oldest AS (ORDER BY time, length(source), source, id)),
      taken AS (
        SELECT s.id, s.n FROM summed s, open o
         WHERE o.letters + s.n <= $5::bigint
           AND (o.bytes + s.upto <= $6::bigint OR o.letters + s.n = 1)),
      marked AS (
        UPDATE dead_letter d SET replay_in = $2 FROM taken t WHERE d.id = t.id
        RETURNING t.n, d.id, d.dead_row, d.record, d.deployment, d.source),
      queued AS (
        INSERT INTO outbox (topic, key, value)
        SELECT $4, $2 || '/replay/' || left(encode(sha256(convert_to(id, 'UTF8')), 'hex'), 32),
               json_build_object('id', id, 'row', dead_row, 'record', record, 'deployment', deployment,
                                 'source', source)::text
          FROM marked ORDER BY n
        RETURNING 1)
      SELECT (SELECT count(*) FROM queued), (SELECT count(*) FROM wanted))sql",
                                               {model, deployment, only, "control." + tenant.str(),
                                                kMaxReplays, kMaxReplayBytes}));
  const std::int64_t queued = rows.at(0).Int(0);
  return Enqueued{.letters = queued, .more = rows[0].Int(1) > queued};
}

Result<> SettleReplays(store::Transaction& transaction, const TenantId& tenant,
                       const DeploymentId& deployment,
                       const std::vector<JournalView::ReplayEnd>& ends) {
  std::vector<std::string> ids, how, keys;
  for (const auto& end : ends) {
    ids.push_back(end.letter);
    how.push_back(end.end);
    keys.push_back(deployment.str() + "/replay/" + end.name);
  }
  OR_RETURN_IF_ERROR(transaction.Execute(
      "UPDATE dead_letter d SET replay_end = e.how, replayed_at = clock_timestamp() "
      "FROM unnest($1::text[], $2::text[]) AS e(id, how) "
      "WHERE d.id = e.id AND d.replay_in = $3 AND d.replay_end IS NULL",
      {ArrayOf(ids), ArrayOf(how), deployment}));
  OR_RETURN_IF_ERROR(transaction.Execute(
      "INSERT INTO outbox (topic, key, value) SELECT $1, k, NULL FROM unnest($2::text[]) AS k "
      "WHERE (SELECT o.value IS NULL FROM outbox o WHERE o.topic = $1 AND o.key = k "
      "ORDER BY o.id DESC LIMIT 1) IS NOT TRUE",
      {"control." + tenant.str(), ArrayOf(keys)}));
  return {};
}

Result<> ReleaseReplays(store::Transaction& transaction, const DeploymentId& deployment) {
  OR_RETURN_IF_ERROR(
      transaction.Execute("UPDATE dead_letter SET replay_in = NULL "
                          "WHERE replay_in = $1 AND replay_end IS NULL",
                          {deployment}));
  return {};
}

Result<> SettleAllReplays(store::Database& worker, const JournalView& journal) {
  for (const auto& [tenant, deployment] : journal.DeploymentsWithReplayEnds()) {
    const auto ends = journal.ReplayEnds(tenant, deployment, kAtOnce);
    if (ends.empty()) continue;
    OR_RETURN_IF_ERROR(worker.Run(tenant, [&](store::Transaction& transaction) {
      return SettleReplays(transaction, tenant, deployment, ends);
    }));
  }
  return {};
}

}  // namespace outrigger::model_api
