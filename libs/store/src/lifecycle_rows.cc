// SPDX-License-Identifier: Apache-2.0
#include "lifecycle_rows.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/clock.h"
#include "outrigger/base/json.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/store/outbox.h"
#include "outrigger/store/postgres_lifecycle.h"

namespace outrigger::store {
namespace {

using lifecycle::SagaRef;
using lifecycle::StateChange;
using lifecycle::StepRecord;

constexpr std::size_t kTextLimit = 8'192;

}  // namespace

std::string Clean(std::string_view text) {
  std::string clean(text.substr(0, kTextLimit));
  std::erase(clean, '\0');
  // A cut may have split a character.
  for (int i = 0; i < 4 && !clean.empty() && !IsValidUtf8(clean); ++i) clean.pop_back();
  if (IsValidUtf8(clean)) return clean;
  clean.assign(text.substr(0, kTextLimit));
  std::erase(clean, '\0');
  for (char& c : clean)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return clean;
}

std::string StepRows(const std::vector<StepRecord>& steps) {
  auto rows = nlohmann::json::array();
  for (const StepRecord& step : steps)
    rows.push_back({
        {"position", step.position    },
        {"status",   Name(step.status)},
        {"tries",    step.tries       },
        {"error",    Clean(step.error)}
    });
  return Dump(rows);
}

Result<> WriteSteps(Transaction& transaction, const SagaRef& saga,
                    const std::vector<StepRecord>& steps) {
  if (steps.empty()) return {};
  OR_RETURN_IF_ERROR(
      transaction.Execute("UPDATE saga_step s SET tries = r.tries, "
                          "  status = CASE WHEN s.status = 'FAILED' AND r.status IN ('UNDOING', "
                          "'UNDONE') THEN s.status ELSE r.status END, "
                          "  error = CASE WHEN r.status IN ('UNDOING', 'UNDONE') AND r.error = '' "
                          "THEN s.error ELSE NULLIF(r.error, '') END, "
                          "  started_at = CASE WHEN r.status IN ('RUNNING', 'UNDOING', 'FAILED') "
                          "AND s.status <> r.status "
                          "               THEN clock_timestamp() ELSE s.started_at END, "
                          "  finished_at = CASE WHEN r.status IN ('DONE', 'FAILED', 'UNDONE') THEN "
                          "clock_timestamp() END "
                          "FROM jsonb_to_recordset($3::jsonb) AS r(position integer, status text, "
                          "tries integer, error text) "
                          "WHERE s.tenant = $1 AND s.saga = $2 AND s.position = r.position",
                          {saga.tenant, saga.id, StepRows(steps)}));
  return {};
}

Result<std::int64_t> ChangeState(Transaction& transaction, const TenantId& tenant,
                                 const ModelName& model, const StateChange& change,
                                 const std::optional<std::string>& running) {
  const std::optional<std::string> from =
      change.from ? std::optional<std::string>(Name(*change.from)) : std::nullopt;
  const std::optional<std::string> operation =
      change.operation.empty() ? std::nullopt : std::optional<std::string>(change.operation);
  OR_ASSIGN(const Rows rows,
            transaction.Query(
                "WITH changed AS (UPDATE model SET state = $4, reason = $5, message = $6, "
                "                 since = clock_timestamp(), operation = $9 "
                "                 WHERE tenant = $1 AND name = $2 RETURNING since, deployment) "
                "INSERT INTO model_state_history (tenant, model, from_state, to_state, reason, "
                "message, actor, operation, time) "
                "SELECT $1, $2, $3, $4, $5, $6, $7, $8, since FROM changed "
                "RETURNING seq, (extract(epoch FROM time) * 1000)::bigint, (SELECT "
                "coalesce(deployment, '') FROM changed)",
                {tenant, model, from, Name(change.to), Clean(change.reason), Clean(change.message),
                 Clean(change.actor), operation, running}));
  if (rows.empty()) return Error(ErrorCode::kNotFound, "there is no such model");
  StateChange told = change;
  told.seq = rows[0].Int(0);
  told.time = rows[0].Int(1);
  told.message = Clean(change.message);
  const std::string key = tenant.str() + "/" + model.str();
  OR_RETURN_IF_ERROR(Enqueue(transaction, "model-events", key,
                             lifecycle::ModelEvent(tenant, model, told, rows[0].Text(2)),
                             {
                                 {"ce_type",        "dev.outrigger.model.state.v1"      },
                                 {"ce_source",      "/model_api"                        },
                                 {"ce_specversion", "1.0"                               },
                                 {"ce_id",          key + "/" + std::to_string(told.seq)},
                                 {"ce_time",        FormatTime(told.time)               }
  }));
  return told.seq;
}

Result<std::int64_t> RecordStateChange(Transaction& transaction, const TenantId& tenant,
                                       const ModelName& model, const StateChange& change) {
  return ChangeState(transaction, tenant, model, change, std::nullopt);
}

Result<LockedSaga> Lock(Transaction& transaction, const SagaRef& saga) {
  const Error fenced(ErrorCode::kConflict, "the saga " + saga.id.str() + " is no longer ours");
  OR_ASSIGN(const Rows models,
            transaction.Query("SELECT m.name, m.state, coalesce(m.deployment, '') FROM model m "
                              "WHERE m.tenant = $1 AND m.name = (SELECT s.model FROM saga s WHERE "
                              "s.tenant = $1 AND s.id = $2) "
                              "FOR UPDATE",
                              {saga.tenant, saga.id}));
  OR_ASSIGN(const Rows sagas,
            transaction.Query(
                "SELECT kind, actor, superseded_by IS NOT NULL FROM saga "
                "WHERE tenant = $1 AND id = $2 AND epoch = $3 AND status = 'RUNNING' FOR UPDATE",
                {saga.tenant, saga.id, saga.epoch}));
  if (models.empty() || sagas.empty()) return fenced;
  const auto state = lifecycle::StateFrom(models[0].Text(1));
  const auto kind = lifecycle::ActionFrom(sagas[0].Text(0));
  if (!state || !kind) return Error(ErrorCode::kCorrupt, "a stored state or kind is unknown");
  return LockedSaga{ModelName(models[0].Text(0)),
                    *kind,
                    *state,
                    models[0].Text(2),
                    sagas[0].Text(1),
                    sagas[0].Bool(2)};
}

}  // namespace outrigger::store
