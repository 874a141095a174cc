// SPDX-License-Identifier: Apache-2.0
#include "in_memory_lifecycle.h"

#include <algorithm>

namespace outrigger::testing {

using lifecycle::Action;
using lifecycle::Cause;
using lifecycle::Claimed;
using lifecycle::Direction;
using lifecycle::HealthSample;
using lifecycle::JournalEntry;
using lifecycle::Judgement;
using lifecycle::Operation;
using lifecycle::OperationStatus;
using lifecycle::SagaEnd;
using lifecycle::SagaRecord;
using lifecycle::SagaRef;
using lifecycle::State;
using lifecycle::StateChange;
using lifecycle::StepRecord;
using lifecycle::StepStatus;
using lifecycle::Trigger;
using lifecycle::WatchedModel;
using lifecycle::Workload;

namespace {

Error NoSuchModel() { return Error(ErrorCode::kNotFound, "there is no such model"); }

template <typename T>
std::vector<T> NewestFirst(const std::vector<T>& all, int limit, std::int64_t before) {
  std::vector<T> page;
  for (auto item = all.rbegin(); item != all.rend() && static_cast<int>(page.size()) < limit;
       ++item)
    if (before == 0 || item->seq < before) page.push_back(*item);
  return page;
}

}  // namespace

void InMemoryLifecycle::Submit(const TenantId& tenant, const ModelName& model, int assets_of_type) {
  const std::lock_guard lock(mutex_);
  Model& made = models_[{tenant, model}];
  made.assets_of_type = assets_of_type;
  Change(made, {.seq = 0,
                .from = {},
                .to = State::kDraft,
                .reason = "Submitted",
                .message = {},
                .actor = "test",
                .operation = {},
                .time = 0});
}

int InMemoryLifecycle::Exploded(const TenantId& tenant, const ModelName& model) {
  const std::lock_guard lock(mutex_);
  return models_[{tenant, model}].exploded;
}

void InMemoryLifecycle::Change(Model& model, StateChange change) {
  change.seq = ++seq_;
  change.time = clock_.WallMs();
  model.state = change.to;
  model.since = clock_.Now();
  model.history.push_back(std::move(change));
}

Result<OperationId> InMemoryLifecycle::Request(const TenantId& tenant, const ModelName& model,
                                               Action action, const Cause& cause,
                                               const std::vector<std::string>& steps) {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find({tenant, model});
  if (found == models_.end()) return NoSuchModel();
  Model& stored = found->second;
  const Judgement judgement = lifecycle::Judge(stored.state, action);
  if (judgement.verdict == Judgement::Verdict::kSame) return OperationId(stored.operation);
  if (judgement.verdict == Judgement::Verdict::kConflict ||
      judgement.verdict == Judgement::Verdict::kNotBuilt)
    return lifecycle::Refusal(stored.state, action);

  auto saga = std::make_unique<Saga>();
  saga->record.ref = {tenant, OperationId(RandomId(16)), 0};
  saga->record.model = model;
  saga->record.kind = action;
  saga->actor = cause.actor;
  saga->operation.id = saga->record.ref.id;
  saga->operation.kind = action;
  saga->operation.model = model;
  saga->operation.created_at = clock_.WallMs();
  for (const std::string& name : steps)
    saga->operation.steps.push_back(
        {static_cast<int>(saga->operation.steps.size()), name, StepStatus::kPending, 0, {}});
  if (judgement.verdict == Judgement::Verdict::kSupersede)
    for (auto& other : sagas_)
      if (other->record.ref.tenant == tenant && other->record.ref.id.str() == stored.operation)
        other->superseded_by = saga->record.ref.id.str();
  const std::string id = saga->record.ref.id.str();
  Change(stored, {.seq = 0,
                  .from = stored.state,
                  .to = judgement.to,
                  .reason = cause.reason.empty() ? lifecycle::DefaultReason(action) : cause.reason,
                  .message = cause.message,
                  .actor = cause.actor,
                  .operation = id,
                  .time = 0});
  stored.operation = id;
  sagas_.push_back(std::move(saga));
  return OperationId(id);
}

Result<Operation> InMemoryLifecycle::Read(const TenantId& tenant, const OperationId& operation) {
  const std::lock_guard lock(mutex_);
  for (const auto& saga : sagas_)
    if (saga->record.ref.tenant == tenant && saga->record.ref.id == operation)
      return saga->operation;
  return Error(ErrorCode::kNotFound, "there is no such operation");
}

Result<std::vector<StateChange>> InMemoryLifecycle::StateHistory(const TenantId& tenant,
                                                                 const ModelName& model, int limit,
                                                                 std::int64_t before) {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find({tenant, model});
  if (found == models_.end()) return NoSuchModel();
  return NewestFirst(found->second.history, limit, before);
}

Result<std::vector<HealthSample>> InMemoryLifecycle::HealthHistory(const TenantId& tenant,
                                                                   const ModelName& model,
                                                                   int limit, std::int64_t before) {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find({tenant, model});
  if (found == models_.end()) return NoSuchModel();
  return NewestFirst(found->second.health, limit, before);
}

Result<std::vector<WatchedModel>> InMemoryLifecycle::Watched() {
  const std::lock_guard lock(mutex_);
  std::vector<WatchedModel> models;
  for (const auto& [key, model] : models_) {
    if (model.state == State::kDraft) continue;
    WatchedModel watched{
        {key.first, key.second, DeploymentId(model.deployment)},
        model.state,
        std::chrono::duration_cast<Millis>(clock_.Now() - model.since),
        model.tries,
        {}
    };
    for (const Deployment& deployment : deployments_)
      if (deployment.workload.deployment.str() == model.deployment) watched.plan = deployment.plan;
    models.push_back(std::move(watched));
  }
  return models;
}

Result<std::vector<Workload>> InMemoryLifecycle::Living() {
  const std::lock_guard lock(mutex_);
  std::vector<Workload> living;
  for (const Deployment& deployment : deployments_)
    if (!deployment.ended) living.push_back(deployment.workload);
  return living;
}

Result<> InMemoryLifecycle::RecordHealth(const Workload& workload, const HealthSample& sample) {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find({workload.tenant, workload.model});
  if (found == models_.end()) return {};
  found->second.health.push_back(sample);
  found->second.health.back().seq = ++seq_;
  return {};
}

Result<> InMemoryLifecycle::ForgetTries(const Workload& workload) {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find({workload.tenant, workload.model});
  if (found != models_.end() && found->second.state == State::kActive &&
      found->second.deployment == workload.deployment.str())
    found->second.tries = 0;
  return {};
}

Result<std::vector<Workload>> InMemoryLifecycle::Unswept(Millis age, int limit) {
  const std::lock_guard lock(mutex_);
  std::vector<Workload> unswept;
  for (const Deployment& deployment : deployments_)
    if (deployment.ended && !deployment.swept && clock_.Now() - *deployment.ended >= age &&
        static_cast<int>(unswept.size()) < limit)
      unswept.push_back(deployment.workload);
  return unswept;
}

Result<> InMemoryLifecycle::MarkSwept(const Workload& workload) {
  const std::lock_guard lock(mutex_);
  for (Deployment& deployment : deployments_)
    if (deployment.workload.deployment == workload.deployment) deployment.swept = true;
  return {};
}

Result<Claimed> InMemoryLifecycle::Claim(const std::string& owner, int limit, Millis lease) {
  const std::lock_guard lock(mutex_);
  Claimed claimed;
  for (auto& saga : sagas_) {
    if (saga->operation.status != OperationStatus::kRunning) continue;
    if (saga->owner == owner && !saga->superseded_by.empty())
      claimed.superseded.push_back(saga->record.ref.id);
    const bool waits = std::ranges::any_of(sagas_, [&](const auto& other) {
      return other->operation.status == OperationStatus::kRunning &&
             other->superseded_by == saga->record.ref.id.str();
    });
    if (waits || static_cast<int>(claimed.sagas.size()) >= limit) continue;
    if (!saga->owner.empty() && saga->leased_until > clock_.Now()) continue;
    saga->owner = owner;
    saga->leased_until = clock_.Now() + lease;
    ++saga->record.ref.epoch;
    SagaRecord record = saga->record;
    record.superseded = !saga->superseded_by.empty();
    record.deployment = DeploymentId(ModelOf(*saga).deployment);
    for (const Deployment& deployment : deployments_)
      if (deployment.workload.deployment == record.deployment) record.plan = deployment.plan;
    const StepRecord& step = saga->operation.steps[static_cast<std::size_t>(record.cursor)];
    const bool open = step.status == StepStatus::kRunning || step.status == StepStatus::kUndoing;
    record.tries = open ? step.tries : 0;
    if (step.status != StepStatus::kPending)
      record.step_age = std::chrono::duration_cast<Millis>(clock_.Now() - saga->step_began);
    claimed.sagas.push_back(std::move(record));
  }
  return claimed;
}

Result<InMemoryLifecycle::Saga*> InMemoryLifecycle::Find(const SagaRef& ref) {
  for (auto& saga : sagas_)
    if (saga->record.ref.tenant == ref.tenant && saga->record.ref.id == ref.id &&
        saga->record.ref.epoch == ref.epoch && saga->operation.status == OperationStatus::kRunning)
      return saga.get();
  return Error(ErrorCode::kConflict, "the saga is no longer ours");
}

Result<InMemoryLifecycle::Saga*> InMemoryLifecycle::FindForStep(const SagaRef& ref) {
  OR_ASSIGN(Saga * saga, Find(ref));
  if (!saga->superseded_by.empty())
    return Error(ErrorCode::kConflict, "a withdraw took the saga's place");
  return saga;
}

Result<std::vector<OperationId>> InMemoryLifecycle::Renew(const std::vector<SagaRef>& sagas,
                                                          Millis lease) {
  const std::lock_guard lock(mutex_);
  std::vector<OperationId> ours;
  for (const SagaRef& ref : sagas)
    if (auto saga = Find(ref)) {
      (*saga)->leased_until = clock_.Now() + lease;
      ours.push_back(ref.id);
    }
  return ours;
}

Result<> InMemoryLifecycle::Release(const std::vector<SagaRef>& sagas) {
  const std::lock_guard lock(mutex_);
  for (const SagaRef& ref : sagas)
    if (auto saga = Find(ref)) (*saga)->owner.clear();
  return {};
}

void InMemoryLifecycle::WriteSteps(Saga& saga, const std::vector<StepRecord>& steps) {
  for (const StepRecord& step : steps) {
    StepRecord& row = saga.operation.steps[static_cast<std::size_t>(step.position)];
    const bool undo = step.status == StepStatus::kUndoing || step.status == StepStatus::kUndone;
    const bool opens = step.status == StepStatus::kRunning || step.status == StepStatus::kUndoing ||
                       step.status == StepStatus::kFailed;
    if (opens && row.status != step.status) saga.step_began = clock_.Now();
    if (!(undo && step.error.empty())) row.error = step.error;
    if (!(undo && row.status == StepStatus::kFailed)) row.status = step.status;
    row.tries = step.tries;
  }
}

Result<bool> InMemoryLifecycle::Write(const SagaRef& ref, const JournalEntry& entry) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, Find(ref));
  saga->record.cursor = entry.cursor;
  saga->record.direction = entry.direction;
  saga->record.round = entry.round;
  saga->record.error = entry.error;
  saga->operation.error = entry.error;
  WriteSteps(*saga, entry.steps);
  return !saga->superseded_by.empty();
}

Result<> InMemoryLifecycle::End(const SagaRef& ref, const SagaEnd& end) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, Find(ref));
  const bool superseded = !saga->superseded_by.empty();
  Model& model = ModelOf(*saga);
  std::optional<State> to;
  if (!superseded && end.trigger) {
    to = lifecycle::Next(model.state, *end.trigger);
    const bool gone = model.state == State::kRemoving && *end.trigger == Trigger::kDone;
    if (!to && !gone) return Error(ErrorCode::kInternal, "this end leads nowhere");
  }
  saga->operation.status = superseded ? OperationStatus::kUndone : end.status;
  saga->operation.error = end.error;
  saga->operation.finished_at = clock_.WallMs();
  WriteSteps(*saga, end.steps);
  if (superseded || !end.trigger) return {};
  if (!to) {
    models_.erase({ref.tenant, saga->record.model});
    return {};
  }
  model.operation.clear();
  Change(model, {.seq = 0,
                 .from = model.state,
                 .to = *to,
                 .reason = end.reason,
                 .message = end.message,
                 .actor = saga->actor,
                 .operation = ref.id.str(),
                 .time = 0});
  if (*to != State::kDraft) return {};
  for (Deployment& deployment : deployments_)
    if (deployment.workload.deployment.str() == model.deployment) deployment.ended = clock_.Now();
  model.deployment.clear();
  model.exploded = 0;
  model.tries = 0;
  return {};
}

Result<DeploymentId> InMemoryLifecycle::Take(const SagaRef& ref,
                                             const lifecycle::DeploymentPlan& plan) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, FindForStep(ref));
  Model& model = ModelOf(*saga);
  if (!model.deployment.empty()) return DeploymentId(model.deployment);
  model.deployment = RandomId(10);
  deployments_.push_back({
      {ref.tenant, saga->record.model, DeploymentId(model.deployment)},
      plan, std::nullopt, false
  });
  return DeploymentId(model.deployment);
}

Result<> InMemoryLifecycle::SavePlan(const SagaRef& ref, const lifecycle::DeploymentPlan& plan) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, FindForStep(ref));
  saga->record.plan = plan;
  for (Deployment& deployment : deployments_)
    if (deployment.workload.deployment.str() == ModelOf(*saga).deployment) deployment.plan = plan;
  return {};
}

Result<std::int64_t> InMemoryLifecycle::Explode(const SagaRef& ref) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, FindForStep(ref));
  Model& model = ModelOf(*saga);
  model.exploded = model.assets_of_type;
  return model.exploded;
}

Result<> InMemoryLifecycle::Implode(const SagaRef& ref) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, FindForStep(ref));
  ModelOf(*saga).exploded = 0;
  return {};
}

Result<int> InMemoryLifecycle::CountTry(const SagaRef& ref, int round) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, FindForStep(ref));
  if (saga->counted_round < round) {
    saga->counted_round = round;
    ++ModelOf(*saga).tries;
  }
  return ModelOf(*saga).tries;
}

Result<bool> InMemoryLifecycle::Purge(const SagaRef& ref) {
  const std::lock_guard lock(mutex_);
  OR_ASSIGN(Saga * saga, FindForStep(ref));
  if (ModelOf(*saga).state != State::kRemoving)
    return Error(ErrorCode::kConflict, "the model is not being removed");
  auto& health = ModelOf(*saga).health;
  health.resize(health.size() / 2);  // in pieces
  return health.empty();
}

}  // namespace outrigger::testing
