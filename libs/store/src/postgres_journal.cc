// SPDX-License-Identifier: Apache-2.0
// PostgresLifecycle, as the runner sees it: claims, leases, the journal, the end of a saga.
#include "lifecycle_rows.h"
#include "outrigger/base/log.h"
#include "outrigger/store/postgres_lifecycle.h"

namespace outrigger::store {
namespace {

using lifecycle::Action;
using lifecycle::Claimed;
using lifecycle::Direction;
using lifecycle::JournalEntry;
using lifecycle::OperationStatus;
using lifecycle::SagaEnd;
using lifecycle::SagaRecord;
using lifecycle::SagaRef;
using lifecycle::State;
using lifecycle::Trigger;

constexpr const char* kClaim =
    "WITH free AS ("
    "  SELECT c.tenant, c.id FROM saga c WHERE c.status = 'RUNNING' "
    "  AND (c.lease_until IS NULL OR c.lease_until <= clock_timestamp()) "
    "  AND NOT EXISTS (SELECT 1 FROM saga p WHERE p.tenant = c.tenant AND p.model = c.model "
    "                  AND p.status = 'RUNNING' AND p.superseded_by = c.id) "
    "  ORDER BY c.created_at LIMIT $2 FOR UPDATE SKIP LOCKED), "
    "taken AS ("
    "  UPDATE saga s SET lease_owner = $1, epoch = s.epoch + 1, "
    "    lease_until = clock_timestamp() + $3::bigint * interval '1 ms' "
    "  FROM free f WHERE s.tenant = f.tenant AND s.id = f.id RETURNING s.*) "
    "SELECT t.tenant, t.id, t.epoch, t.model, t.kind, t.cursor, t.direction, t.round, "
    "  t.superseded_by IS NOT NULL, coalesce(t.error, ''), "
    "  CASE WHEN st.status IN ('RUNNING', 'UNDOING') THEN st.tries ELSE 0 END, "
    "  coalesce((extract(epoch FROM clock_timestamp() - st.started_at) * 1000)::bigint, 0), "
    "  coalesce(m.deployment, ''), coalesce(d.spec, t.payload)::text "
    "FROM taken t "
    "LEFT JOIN saga_step st ON st.tenant = t.tenant AND st.saga = t.id AND st.position = t.cursor "
    "LEFT JOIN model m ON m.tenant = t.tenant AND m.name = t.model "
    "LEFT JOIN deployment d ON d.tenant = t.tenant AND d.id = m.deployment";

Result<SagaRecord> RecordOf(const Row& row) {
  SagaRecord record;
  record.ref = {TenantId(row.Text(0)), OperationId(row.Text(1)), row.Int(2)};
  record.model = ModelName(row.Text(3));
  const auto kind = lifecycle::ActionFrom(row.Text(4));
  if (!kind) return Error(ErrorCode::kCorrupt, "a saga of an unknown kind: " + row.Text(4));
  record.kind = *kind;
  record.cursor = static_cast<int>(row.Int(5));
  record.direction = row.Text(6) == "undo" ? Direction::kUndo : Direction::kRun;
  record.round = static_cast<int>(row.Int(7));
  record.superseded = row.Bool(8);
  record.error = row.Text(9);
  record.tries = static_cast<int>(row.Int(10));
  record.step_age = Millis{row.Int(11)};
  record.deployment = DeploymentId(row.Text(12));
  OR_ASSIGN(record.plan, lifecycle::PlanFromJson(row.Text(13)));
  return record;
}

// Three parallel PostgreSQL arrays: tenants, ids, epochs.
std::vector<Param> Arrays(const std::vector<SagaRef>& sagas) {
  std::string tenants = "{", ids = "{", epochs = "{";
  for (const SagaRef& saga : sagas) {
    const char* comma = ids.size() > 1 ? "," : "";
    tenants += comma + saga.tenant.str();
    ids += comma + saga.id.str();
    epochs += comma + std::to_string(saga.epoch);
  }
  return {tenants + "}", ids + "}", epochs + "}"};
}

constexpr const char* kOurs =
    "FROM unnest($1::text[], $2::text[], $3::bigint[]) AS r(tenant, id, epoch) "
    "WHERE s.tenant = r.tenant AND s.id = r.id AND s.epoch = r.epoch AND s.status = 'RUNNING' ";

// A model comes to rest in DRAFT: nothing of it exists any more.
Result<> EndDeployment(Transaction& transaction, const TenantId& tenant, const LockedSaga& saga) {
  OR_RETURN_IF_ERROR(
      transaction.Execute("UPDATE deployment SET ended_at = clock_timestamp() WHERE tenant = $1 "
                          "AND model = $2 AND ended_at IS NULL",
                          {tenant, saga.model}));
  OR_RETURN_IF_ERROR(
      transaction.Execute("DELETE FROM model_mapping WHERE tenant = $1 AND model = $2 AND exploded",
                          {tenant, saga.model}));
  OR_RETURN_IF_ERROR(transaction.Execute(
      "UPDATE model SET deployment = NULL, recovery_tries = 0 WHERE tenant = $1 AND name = $2",
      {tenant, saga.model}));
  return {};
}

// The model and all that is kept until it is removed. The audit log keeps what it was.
Result<> RemoveModel(Transaction& transaction, const TenantId& tenant, const LockedSaga& saga) {
  OR_RETURN_IF_ERROR(transaction.Execute(
      "INSERT INTO audit_log (tenant, actor, action, object, detail) "
      "SELECT m.tenant, $3, 'remove', 'model/' || m.name, jsonb_build_object('uid', m.uid, "
      "'version', m.version, "
      "  'generation', m.generation, 'createdAt', m.created_at, 'stateChanges', "
      "  (SELECT count(*) FROM model_state_history h WHERE h.tenant = m.tenant AND h.model = "
      "m.name)) "
      "FROM model m WHERE m.tenant = $1 AND m.name = $2",
      {tenant, saga.model, saga.actor}));
  for (const char* sql :
       {"DELETE FROM dead_letter WHERE tenant = $1 AND model = $2",
        "DELETE FROM model_output WHERE tenant = $1 AND model = $2",
        // Locked first: whoever is about to name it is seen by the next statement.
        "SELECT 1 FROM container_registry WHERE tenant = $1 AND owner_model = $2 "
        "FOR UPDATE",
        "DELETE FROM container_registry r WHERE tenant = $1 AND owner_model = $2 "
        "AND NOT EXISTS (SELECT 1 FROM model m WHERE m.tenant = $1 AND m.name <> $2 "
        "AND m.manifest #>> '{model,container,customRegistry,name}' = r.name)",
        "UPDATE container_registry SET owner_model = NULL WHERE tenant = $1 AND "
        "owner_model = $2",
        "DELETE FROM model WHERE tenant = $1 AND name = $2"})
    OR_RETURN_IF_ERROR(transaction.Execute(sql, {tenant, saga.model}));
  return {};
}

Result<> MoveModel(Transaction& transaction, const SagaRef& ref, const LockedSaga& saga,
                   const SagaEnd& end) {
  if (saga.state == State::kRemoving && *end.trigger == Trigger::kDone)
    return RemoveModel(transaction, ref.tenant, saga);
  const auto to = lifecycle::Next(saga.state, *end.trigger);
  if (!to)
    return Error(ErrorCode::kInternal, "a saga ended in " + std::string(Name(saga.state)) +
                                           ", where its end leads nowhere");
  OR_RETURN_IF_ERROR(ChangeState(transaction, ref.tenant, saga.model,
                                 {.seq = 0,
                                  .from = saga.state,
                                  .to = *to,
                                  .reason = end.reason,
                                  .message = end.message,
                                  .actor = saga.actor,
                                  .operation = ref.id.str(),
                                  .time = 0},
                                 std::nullopt));
  if (*to == State::kDraft) return EndDeployment(transaction, ref.tenant, saga);
  if (saga.kind == Action::kDeploy)
    OR_RETURN_IF_ERROR(transaction.Execute(
        "UPDATE model m SET observed_generation = d.generation FROM deployment d "
        "WHERE m.tenant = $1 AND m.name = $2 AND d.tenant = m.tenant AND d.id = m.deployment",
        {ref.tenant, saga.model}));
  return {};
}

}  // namespace

Result<Claimed> PostgresLifecycle::Claim(const std::string& owner, int limit, Millis lease) {
  return Within(worker_, std::nullopt, [&](Transaction& transaction) -> Result<Claimed> {
    Claimed claimed;
    if (limit > 0) {
      OR_ASSIGN(
          const Rows rows,
          transaction.Query(kClaim, {owner, limit, static_cast<std::int64_t>(lease.count())}));
      for (const Row& row : rows) {
        auto record = RecordOf(row);
        if (record)
          claimed.sagas.push_back(*std::move(record));
        else
          LogError("a saga cannot be read and is left alone",
                   {
                       {"operation", row.Text(1)},
                       record.error()
          });
      }
    }
    OR_ASSIGN(const Rows superseded,
              transaction.Query("SELECT id FROM saga WHERE status = 'RUNNING' AND lease_owner = $1 "
                                "AND superseded_by IS NOT NULL",
                                {owner}));
    for (const Row& row : superseded) claimed.superseded.emplace_back(row.Text(0));
    return claimed;
  });
}

Result<std::vector<OperationId>> PostgresLifecycle::Renew(const std::vector<SagaRef>& sagas,
                                                          Millis lease) {
  return Within(worker_, std::nullopt,
                [&](Transaction& transaction) -> Result<std::vector<OperationId>> {
                  std::vector<Param> params = Arrays(sagas);
                  params.emplace_back(static_cast<std::int64_t>(lease.count()));
                  OR_ASSIGN(const Rows rows,
                            transaction.Query("UPDATE saga s SET lease_until = clock_timestamp() + "
                                              "$4::bigint * interval '1 ms' " +
                                                  std::string(kOurs) + "RETURNING s.id",
                                              params));
                  std::vector<OperationId> ours;
                  for (const Row& row : rows) ours.emplace_back(row.Text(0));
                  return ours;
                });
}

Result<> PostgresLifecycle::Release(const std::vector<SagaRef>& sagas) {
  return Within(worker_, std::nullopt, [&](Transaction& transaction) -> Result<> {
    OR_RETURN_IF_ERROR(transaction.Execute(
        "UPDATE saga s SET lease_until = clock_timestamp(), lease_owner = NULL " +
            std::string(kOurs),
        Arrays(sagas)));
    return {};
  });
}

Result<bool> PostgresLifecycle::Write(const SagaRef& saga, const JournalEntry& entry) {
  return Within(worker_, saga.tenant, [&](Transaction& transaction) -> Result<bool> {
    OR_ASSIGN(const Rows rows,
              transaction.Query(
                  "UPDATE saga SET cursor = $4, direction = $5, round = $6, error = NULLIF($7, '') "
                  "WHERE tenant = $1 AND id = $2 AND epoch = $3 AND status = 'RUNNING' "
                  "RETURNING superseded_by IS NOT NULL",
                  {saga.tenant, saga.id, saga.epoch, entry.cursor,
                   entry.direction == Direction::kUndo ? "undo" : "run", entry.round,
                   Clean(entry.error)}));
    if (rows.empty())
      return Error(ErrorCode::kConflict, "the saga " + saga.id.str() + " is no longer ours");
    OR_RETURN_IF_ERROR(WriteSteps(transaction, saga, entry.steps));
    return rows[0].Bool(0);
  });
}

Result<> PostgresLifecycle::End(const SagaRef& ref, const SagaEnd& end) {
  return Within(worker_, ref.tenant, [&](Transaction& transaction) -> Result<> {
    OR_ASSIGN(const LockedSaga saga, Lock(transaction, ref));
    const OperationStatus status = saga.superseded ? OperationStatus::kUndone : end.status;
    OR_RETURN_IF_ERROR(transaction.Execute(
        "UPDATE saga SET status = $3, error = NULLIF($4, ''), finished_at = clock_timestamp(), "
        "lease_until = NULL, lease_owner = NULL WHERE tenant = $1 AND id = $2",
        {ref.tenant, ref.id, Name(status), Clean(end.error)}));
    OR_RETURN_IF_ERROR(WriteSteps(transaction, ref, end.steps));
    if (saga.superseded || !end.trigger) return {};
    return MoveModel(transaction, ref, saga, end);
  });
}

}  // namespace outrigger::store
