// SPDX-License-Identifier: Apache-2.0
// PostgresLifecycle, as REST sees it: requests, operations, histories.
#include "lifecycle_rows.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/store/postgres_lifecycle.h"

namespace outrigger::store {
namespace {

using lifecycle::Action;
using lifecycle::Cause;
using lifecycle::HealthSample;
using lifecycle::Judgement;
using lifecycle::Operation;
using lifecycle::State;
using lifecycle::StateChange;

constexpr std::size_t kOperationIdLength = 16;

// A PostgreSQL array of names that need no quoting.
std::string Array(const std::vector<std::string>& names) {
  std::string text = "{";
  for (const std::string& name : names) text += (text.size() > 1 ? "," : "") + name;
  return text + "}";
}

Error NoSuchModel(const ModelName& model) {
  return Error(ErrorCode::kNotFound, "there is no model " + model.str());
}

// The model's saga and its new state. Requires: the model's row is locked.
Result<OperationId> Begin(Transaction& transaction, const TenantId& tenant, const ModelName& model,
                          Action action, const Cause& cause, const std::vector<std::string>& steps,
                          State from, State to) {
  const OperationId id(RandomId(kOperationIdLength));
  OR_RETURN_IF_ERROR(transaction.Execute(
      "INSERT INTO saga (tenant, id, model, kind, actor) VALUES ($1, $2, $3, $4, $5)",
      {tenant, id, model, Name(action), Clean(cause.actor)}));
  OR_RETURN_IF_ERROR(transaction.Execute(
      "INSERT INTO saga_step (tenant, saga, position, name, status) "
      "SELECT $1, $2, n - 1, name, 'PENDING' FROM unnest($3::text[]) WITH ORDINALITY AS s(name, n)",
      {tenant, id, Array(steps)}));
  const StateChange change{
      .seq = 0,
      .from = from,
      .to = to,
      .reason = cause.reason.empty() ? lifecycle::DefaultReason(action) : cause.reason,
      .message = cause.message,
      .actor = cause.actor,
      .operation = id.str(),
      .time = 0};
  OR_RETURN_IF_ERROR(ChangeState(transaction, tenant, model, change, id.str()));
  return id;
}

Result<> ModelExists(Transaction& transaction, const TenantId& tenant, const ModelName& model) {
  OR_ASSIGN(
      const Rows rows,
      transaction.Query("SELECT 1 FROM model WHERE tenant = $1 AND name = $2", {tenant, model}));
  if (rows.empty()) return NoSuchModel(model);
  return {};
}

}  // namespace

Result<OperationId> PostgresLifecycle::Request(const TenantId& tenant, const ModelName& model,
                                               Action action, const Cause& cause,
                                               const std::vector<std::string>& steps) {
  using Verdict = Judgement::Verdict;
  return Within(app_, tenant, [&](Transaction& transaction) -> Result<OperationId> {
    OR_ASSIGN(const Rows rows, transaction.Query("SELECT state, coalesce(operation, '') FROM model "
                                                 "WHERE tenant = $1 AND name = $2 FOR UPDATE",
                                                 {tenant, model}));
    if (rows.empty()) return NoSuchModel(model);
    const auto state = lifecycle::StateFrom(rows[0].Text(0));
    if (!state)
      return Error(ErrorCode::kCorrupt, "the stored state is unknown: " + rows[0].Text(0));
    const Judgement judgement = lifecycle::Judge(*state, action);
    switch (judgement.verdict) {
      case Verdict::kConflict:
      case Verdict::kNotBuilt:
        return lifecycle::Refusal(*state, action);
      case Verdict::kSame:
        return OperationId(rows[0].Text(1));
      case Verdict::kStart:
      case Verdict::kSupersede:
        break;
    }
    OR_ASSIGN(const OperationId id,
              Begin(transaction, tenant, model, action, cause, steps, *state, judgement.to));
    if (judgement.verdict == Verdict::kSupersede)
      OR_RETURN_IF_ERROR(transaction.Execute(
          "UPDATE saga SET superseded_by = $3 WHERE tenant = $1 AND id = $2 AND status = 'RUNNING'",
          {tenant, rows[0].Text(1), id}));
    return id;
  });
}

Result<Operation> PostgresLifecycle::Read(const TenantId& tenant, const OperationId& operation) {
  return Within(app_, tenant, [&](Transaction& transaction) -> Result<Operation> {
    OR_ASSIGN(
        const Rows sagas,
        transaction.Query("SELECT kind, model, status, coalesce(error, ''), (extract(epoch FROM "
                          "created_at) * 1000)::bigint, "
                          "coalesce((extract(epoch FROM finished_at) * 1000)::bigint, 0) FROM saga "
                          "WHERE tenant = $1 AND id = $2",
                          {tenant, operation}));
    if (sagas.empty())
      return Error(ErrorCode::kNotFound, "there is no operation " + operation.str());
    OR_ASSIGN(const Rows steps,
              transaction.Query(
                  "SELECT position, name, status, tries, coalesce(error, '') FROM saga_step "
                  "WHERE tenant = $1 AND saga = $2 ORDER BY position",
                  {tenant, operation}));
    Operation read;
    read.id = operation;
    read.kind = lifecycle::ActionFrom(sagas[0].Text(0)).value_or(Action::kDeploy);
    read.model = ModelName(sagas[0].Text(1));
    read.status = lifecycle::OperationStatusFrom(sagas[0].Text(2))
                      .value_or(lifecycle::OperationStatus::kFailed);
    read.error = sagas[0].Text(3);
    read.created_at = sagas[0].Int(4);
    read.finished_at = sagas[0].Int(5);
    for (const Row& row : steps)
      read.steps.push_back(
          {static_cast<int>(row.Int(0)), row.Text(1),
           lifecycle::StepStatusFrom(row.Text(2)).value_or(lifecycle::StepStatus::kPending),
           static_cast<int>(row.Int(3)), row.Text(4)});
    return read;
  });
}

Result<std::vector<StateChange>> PostgresLifecycle::StateHistory(const TenantId& tenant,
                                                                 const ModelName& model, int limit,
                                                                 std::int64_t before) {
  return Within(app_, tenant, [&](Transaction& transaction) -> Result<std::vector<StateChange>> {
    OR_RETURN_IF_ERROR(ModelExists(transaction, tenant, model));
    OR_ASSIGN(
        const Rows rows,
        transaction.Query(
            "SELECT seq, from_state, to_state, reason, message, actor, coalesce(operation, ''), "
            "(extract(epoch FROM time) * 1000)::bigint FROM model_state_history "
            "WHERE tenant = $1 AND model = $2 AND ($3::bigint = 0 OR seq < $3::bigint) "
            "ORDER BY seq DESC LIMIT $4",
            {tenant, model, before, limit}));
    std::vector<StateChange> changes;
    for (const Row& row : rows)
      changes.push_back({row.Int(0),
                         row.IsNull(1) ? std::nullopt : lifecycle::StateFrom(row.Text(1)),
                         lifecycle::StateFrom(row.Text(2)).value_or(State::kDraft), row.Text(3),
                         row.Text(4), row.Text(5), row.Text(6), row.Int(7)});
    return changes;
  });
}

Result<std::vector<HealthSample>> PostgresLifecycle::HealthHistory(const TenantId& tenant,
                                                                   const ModelName& model,
                                                                   int limit, std::int64_t before) {
  return Within(app_, tenant, [&](Transaction& transaction) -> Result<std::vector<HealthSample>> {
    OR_RETURN_IF_ERROR(ModelExists(transaction, tenant, model));
    OR_ASSIGN(const Rows rows, transaction.Query("SELECT seq, status, detail, coalesce(latency_ms, "
                                                 "0), (extract(epoch FROM time) * 1000)::bigint "
                                                 "FROM model_health WHERE tenant = $1 AND model = "
                                                 "$2 AND ($3::bigint = 0 OR seq < $3::bigint) "
                                                 "ORDER BY seq DESC LIMIT $4",
                                                 {tenant, model, before, limit}));
    std::vector<HealthSample> samples;
    for (const Row& row : rows)
      samples.push_back({row.Int(0), row.Text(1), row.Text(2), row.Number(3), row.Int(4)});
    return samples;
  });
}

}  // namespace outrigger::store
