// SPDX-License-Identifier: Apache-2.0
// PostgresLifecycle, as steps, supervisor and reconciler see it.
#include <utility>

#include "lifecycle_rows.h"
#include "outrigger/base/log.h"
#include "outrigger/store/postgres_lifecycle.h"

namespace outrigger::store {
namespace {

using lifecycle::DeploymentPlan;
using lifecycle::SagaRef;
using lifecycle::WatchedModel;
using lifecycle::Workload;

// Short enough to be read aloud, long enough that none of a tenant's meet by chance; the key
// refuses the rest.
constexpr std::size_t kDeploymentIdLength = 10;

// Locks saga and model for a step's write. Errors: kConflict - fenced, ended or superseded.
Result<LockedSaga> LockForStep(Transaction& transaction, const SagaRef& ref) {
  OR_ASSIGN(LockedSaga saga, Lock(transaction, ref));
  if (saga.superseded)
    return Error(ErrorCode::kConflict, "a withdraw took the place of the saga " + ref.id.str());
  return saga;
}

Result<std::int64_t> DeletePiece(Transaction& transaction, const SagaRef& ref,
                                 const std::string& sql, int rows) {
  OR_ASSIGN(const LockedSaga saga, LockForStep(transaction, ref));
  if (saga.state != lifecycle::State::kRemoving)
    return Error(ErrorCode::kConflict, "the model is not being removed");
  return transaction.Execute(sql, {ref.tenant, saga.model, rows});
}

Result<std::vector<Workload>> Workloads(Transaction& transaction, std::string_view sql,
                                        const std::vector<Param>& params) {
  OR_ASSIGN(const Rows rows, transaction.Query(sql, params));
  std::vector<Workload> workloads;
  for (const Row& row : rows)
    workloads.push_back({TenantId(row.Text(0)), ModelName(row.Text(1)), DeploymentId(row.Text(2))});
  return workloads;
}

}  // namespace

Result<DeploymentId> PostgresLifecycle::Take(const SagaRef& ref, const DeploymentPlan& plan) {
  return Within(worker_, ref.tenant, [&](Transaction& transaction) -> Result<DeploymentId> {
    OR_ASSIGN(const LockedSaga saga, LockForStep(transaction, ref));
    if (!saga.deployment.empty()) return DeploymentId(saga.deployment);
    const DeploymentId id(RandomId(kDeploymentIdLength));
    OR_RETURN_IF_ERROR(transaction.Execute(
        "INSERT INTO deployment (tenant, id, model, generation, spec) VALUES ($1, $2, $3, $4, $5)",
        {ref.tenant, id, saga.model, plan.generation, ToJson(plan)}));
    OR_RETURN_IF_ERROR(
        transaction.Execute("UPDATE model SET deployment = $3 WHERE tenant = $1 AND name = $2",
                            {ref.tenant, saga.model, id}));
    return id;
  });
}

Result<> PostgresLifecycle::SavePlan(const SagaRef& ref, const DeploymentPlan& plan) {
  return Within(worker_, ref.tenant, [&](Transaction& transaction) -> Result<> {
    OR_ASSIGN(const LockedSaga saga, LockForStep(transaction, ref));
    OR_RETURN_IF_ERROR(
        transaction.Execute("UPDATE saga SET payload = $3 WHERE tenant = $1 AND id = $2",
                            {ref.tenant, ref.id, ToJson(plan)}));
    if (saga.deployment.empty()) return {};
    OR_RETURN_IF_ERROR(transaction.Execute(
        "UPDATE deployment SET spec = $3, digest = $4, endpoint = $5 WHERE tenant = $1 AND id = $2",
        {ref.tenant, saga.deployment, ToJson(plan), plan.start.image.digest, plan.endpoint}));
    return {};
  });
}

Result<std::int64_t> PostgresLifecycle::Explode(const SagaRef& ref) {
  return Within(worker_, ref.tenant, [&](Transaction& transaction) -> Result<std::int64_t> {
    OR_ASSIGN(const LockedSaga saga, LockForStep(transaction, ref));
    OR_RETURN_IF_ERROR(transaction.Execute(
        "DELETE FROM model_mapping WHERE tenant = $1 AND model = $2 AND exploded",
        {ref.tenant, saga.model}));
    OR_RETURN_IF_ERROR(transaction.Execute(
        "INSERT INTO model_mapping (tenant, model, subject, direction, column_name, asset, "
        "telemetry, exploded) "
        "SELECT m.tenant, m.model, a.id, m.direction, m.column_name, a.id, m.telemetry, true "
        "FROM asset_type_mapping m JOIN asset a ON a.tenant = m.tenant AND a.type = m.asset_type "
        "WHERE m.tenant = $1 AND m.model = $2",
        {ref.tenant, saga.model}));
    OR_ASSIGN(
        const Rows rows,
        transaction.Query(
            "SELECT count(DISTINCT subject) FROM model_mapping WHERE tenant = $1 AND model = $2",
            {ref.tenant, saga.model}));
    return rows.at(0).Int(0);
  });
}

Result<> PostgresLifecycle::Implode(const SagaRef& ref) {
  return Within(worker_, ref.tenant, [&](Transaction& transaction) -> Result<> {
    OR_ASSIGN(const LockedSaga saga, LockForStep(transaction, ref));
    OR_RETURN_IF_ERROR(transaction.Execute(
        "DELETE FROM model_mapping WHERE tenant = $1 AND model = $2 AND exploded",
        {ref.tenant, saga.model}));
    return {};
  });
}

Result<int> PostgresLifecycle::CountTry(const SagaRef& ref, int round) {
  return Within(worker_, ref.tenant, [&](Transaction& transaction) -> Result<int> {
    OR_ASSIGN(const LockedSaga saga, LockForStep(transaction, ref));
    OR_ASSIGN(const std::int64_t counted,
              transaction.Execute("UPDATE saga SET counted_round = $3 WHERE tenant = $1 AND id = "
                                  "$2 AND counted_round < $3",
                                  {ref.tenant, ref.id, round}));
    OR_ASSIGN(
        const Rows rows,
        transaction.Query(
            "UPDATE model SET recovery_tries = recovery_tries + $3 WHERE tenant = $1 AND name = $2 "
            "RETURNING recovery_tries",
            {ref.tenant, saga.model, counted}));
    return static_cast<int>(rows.at(0).Int(0));
  });
}

Result<bool> PostgresLifecycle::Purge(const SagaRef& ref) {
  // Each piece is a transaction of its own, well within the statement time-out. Dead letters may be
  // large.
  constexpr std::pair<const char*, int> kPieces[] = {
      {"model_output", 10'000},
      {"dead_letter",  500   },
      {"model_health", 10'000}
  };
  constexpr int kPiecesACall = 10;
  int piece = 0;
  for (const auto& [table, rows] : kPieces) {
    const std::string sql = "DELETE FROM " + std::string(table) +
                            " WHERE ctid = ANY(ARRAY(SELECT ctid FROM " + table +
                            " WHERE tenant = $1 AND model = $2 LIMIT $3))";
    for (std::int64_t deleted = rows; deleted >= rows; ++piece) {
      if (piece == kPiecesACall) return false;
      OR_ASSIGN(deleted, Within(worker_, ref.tenant, [&](Transaction& transaction) {
                  return DeletePiece(transaction, ref, sql, rows);
                }));
    }
  }
  return true;
}

Result<std::vector<WatchedModel>> PostgresLifecycle::Watched() {
  return Within(
      worker_, std::nullopt, [&](Transaction& transaction) -> Result<std::vector<WatchedModel>> {
        OR_ASSIGN(const Rows rows,
                  transaction.Query(
                      "SELECT m.tenant, m.name, coalesce(m.deployment, ''), m.state, "
                      "(extract(epoch FROM clock_timestamp() - m.since) * 1000)::bigint, "
                      "m.recovery_tries, "
                      "coalesce(d.spec, '{}')::text FROM model m LEFT JOIN deployment d "
                      "ON d.tenant = m.tenant AND d.id = m.deployment WHERE m.state <> 'DRAFT'"));
        std::vector<WatchedModel> models;
        for (const Row& row : rows) {
          const auto state = lifecycle::StateFrom(row.Text(3));
          auto plan = lifecycle::PlanFromJson(row.Text(6));
          if (!state || !plan) {
            LogError("a model cannot be read and is not watched",
                     {
                         {"tenant", row.Text(0)},
                         {"model",  row.Text(1)}
            });
            continue;
          }
          models.push_back({
              {TenantId(row.Text(0)), ModelName(row.Text(1)), DeploymentId(row.Text(2))},
              *state,
              Millis{row.Int(4)},
              static_cast<int>(row.Int(5)),
              *std::move(plan)
          });
        }
        return models;
      });
}

Result<std::vector<Workload>> PostgresLifecycle::Living() {
  return Within(worker_, std::nullopt, [&](Transaction& transaction) {
    return Workloads(
        transaction,
        "SELECT tenant, model, id FROM deployment WHERE ended_at IS NULL AND NOT swept", {});
  });
}

Result<> PostgresLifecycle::RecordHealth(const Workload& workload,
                                         const lifecycle::HealthSample& sample) {
  return Within(worker_, workload.tenant, [&](Transaction& transaction) -> Result<> {
    OR_RETURN_IF_ERROR(transaction.Execute(
        "INSERT INTO model_health (tenant, model, status, detail, latency_ms) "
        "SELECT tenant, name, $3, $4, $5 FROM model WHERE tenant = $1 AND name = $2",
        {workload.tenant, workload.model, sample.status, Clean(sample.detail), sample.latency_ms}));
    return {};
  });
}

Result<> PostgresLifecycle::ForgetTries(const Workload& workload) {
  return Within(worker_, workload.tenant, [&](Transaction& transaction) -> Result<> {
    OR_RETURN_IF_ERROR(
        transaction.Execute("UPDATE model SET recovery_tries = 0 WHERE tenant = $1 AND name = $2 "
                            "AND deployment = $3 AND state = 'ACTIVE'",
                            {workload.tenant, workload.model, workload.deployment}));
    return {};
  });
}

Result<std::vector<Workload>> PostgresLifecycle::Unswept(Millis age, int limit) {
  return Within(worker_, std::nullopt, [&](Transaction& transaction) {
    return Workloads(transaction,
                     "SELECT tenant, model, id FROM deployment WHERE NOT swept "
                     "AND ended_at <= clock_timestamp() - $1::bigint * interval '1 ms' ORDER BY "
                     "ended_at LIMIT $2",
                     {static_cast<std::int64_t>(age.count()), limit});
  });
}

Result<> PostgresLifecycle::MarkSwept(const Workload& workload) {
  return Within(worker_, workload.tenant, [&](Transaction& transaction) -> Result<> {
    OR_RETURN_IF_ERROR(
        transaction.Execute("UPDATE deployment SET swept = true WHERE tenant = $1 AND id = $2",
                            {workload.tenant, workload.deployment}));
    return {};
  });
}

}  // namespace outrigger::store
