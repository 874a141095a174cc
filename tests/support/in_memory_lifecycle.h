// SPDX-License-Identifier: Apache-2.0
// InMemoryLifecycle: the lifecycle's ports in memory, so that sagas are tested without a database.
// It obeys the same contract suite as PostgresLifecycle.
//
// Threads:  every method may be called concurrently.
// Durable:  as long as the object: a "crash" of a worker leaves it whole.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "outrigger/lifecycle/journal.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/lifecycle/model_store.h"

namespace outrigger::testing {

class InMemoryLifecycle final : public lifecycle::ModelStore,
                                public lifecycle::ModelWatch,
                                public lifecycle::SagaJournal,
                                public lifecycle::DeploymentRecords {
 public:
  explicit InMemoryLifecycle(Clock& clock) : clock_(clock) {}

  // What REST does: a model in DRAFT, mapped to so many assets of a type.
  void Submit(const TenantId& tenant, const ModelName& model, int assets_of_type = 3);
  int Exploded(const TenantId& tenant, const ModelName& model);

  Result<OperationId> Request(const TenantId& tenant, const ModelName& model,
                              lifecycle::Action action, const lifecycle::Cause& cause,
                              const std::vector<std::string>& steps) override;
  Result<lifecycle::Operation> Read(const TenantId& tenant, const OperationId& operation) override;
  Result<std::vector<lifecycle::StateChange>> StateHistory(const TenantId& tenant,
                                                           const ModelName& model, int limit,
                                                           std::int64_t before) override;
  Result<std::vector<lifecycle::HealthSample>> HealthHistory(const TenantId& tenant,
                                                             const ModelName& model, int limit,
                                                             std::int64_t before) override;

  Result<std::vector<lifecycle::WatchedModel>> Watched() override;
  Result<std::vector<lifecycle::Workload>> Living() override;
  Result<> RecordHealth(const lifecycle::Workload& workload,
                        const lifecycle::HealthSample& sample) override;
  Result<> ForgetTries(const lifecycle::Workload& workload) override;
  Result<std::vector<lifecycle::Workload>> Unswept(Millis age, int limit) override;
  Result<> MarkSwept(const lifecycle::Workload& workload) override;

  Result<lifecycle::Claimed> Claim(const std::string& owner, int limit, Millis lease) override;
  Result<std::vector<OperationId>> Renew(const std::vector<lifecycle::SagaRef>& sagas,
                                         Millis lease) override;
  Result<> Release(const std::vector<lifecycle::SagaRef>& sagas) override;
  Result<bool> Write(const lifecycle::SagaRef& saga, const lifecycle::JournalEntry& entry) override;
  Result<> End(const lifecycle::SagaRef& saga, const lifecycle::SagaEnd& end) override;

  Result<DeploymentId> Take(const lifecycle::SagaRef& saga,
                            const lifecycle::DeploymentPlan& plan) override;
  Result<> SavePlan(const lifecycle::SagaRef& saga, const lifecycle::DeploymentPlan& plan) override;
  Result<std::int64_t> Explode(const lifecycle::SagaRef& saga) override;
  Result<> Implode(const lifecycle::SagaRef& saga) override;
  Result<int> CountTry(const lifecycle::SagaRef& saga, int round) override;
  Result<bool> Purge(const lifecycle::SagaRef& saga) override;

 private:
  using ModelKey = std::pair<TenantId, ModelName>;
  struct Model {
    lifecycle::State state = lifecycle::State::kDraft;
    SteadyTime since{};
    std::string operation;
    std::string deployment;
    int tries = 0;
    int assets_of_type = 0;
    int exploded = 0;
    std::vector<lifecycle::StateChange> history;
    std::vector<lifecycle::HealthSample> health;
  };
  struct Saga {
    lifecycle::SagaRecord record;
    lifecycle::Operation operation;
    std::string actor;
    std::string owner;
    SteadyTime leased_until{};
    SteadyTime step_began{};
    std::string superseded_by;
    int counted_round = 0;
  };
  struct Deployment {
    lifecycle::Workload workload;
    lifecycle::DeploymentPlan plan;
    std::optional<SteadyTime> ended;
    bool swept = false;
  };

  Result<Saga*> Find(const lifecycle::SagaRef& saga);
  Result<Saga*> FindForStep(const lifecycle::SagaRef& saga);
  Model& ModelOf(const Saga& saga) {
    return models_.at({saga.record.ref.tenant, saga.record.model});
  }
  void Change(Model& model, lifecycle::StateChange change);
  void WriteSteps(Saga& saga, const std::vector<lifecycle::StepRecord>& steps);

  Clock& clock_;
  std::mutex mutex_;
  std::map<ModelKey, Model> models_;
  std::vector<std::unique_ptr<Saga>> sagas_;
  std::vector<Deployment> deployments_;
  std::int64_t seq_ = 0;
};

}  // namespace outrigger::testing
