// SPDX-License-Identifier: Apache-2.0
// PostgresLifecycle: the lifecycle's ports on PostgreSQL, so that sagas, requests and histories
// survive any process.
//
// Threads:  every method may be called concurrently; each takes one pooled connection.
// Durable:  success means committed.
// Lifetime: both databases must outlive it.
// See also: libs/lifecycle journal.h, model_store.h (what each method promises)
#pragma once

#include <map>
#include <string>

#include "outrigger/lifecycle/journal.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/lifecycle/model_store.h"
#include "outrigger/store/database.h"

namespace outrigger::store {

// Writes one change of state of a model: its row, its history, its model-event in the outbox. For
// whoever changes a model inside a transaction of his own (submit: `change.from` is nullopt).
// Requires: the transaction's tenant is `tenant`; the model's row exists. Returns the history's
// seq.
Result<std::int64_t> RecordStateChange(Transaction& transaction, const TenantId& tenant,
                                       const ModelName& model,
                                       const lifecycle::StateChange& change);

class PostgresLifecycle final : public lifecycle::ModelStore,
                                public lifecycle::ModelWatch,
                                public lifecycle::SagaJournal,
                                public lifecycle::DeploymentRecords {
 public:
  // Requires: `app` of kApplication, `worker` of kWorker.
  PostgresLifecycle(Database& app, Database& worker) : app_(app), worker_(worker) {}

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
  Database& app_;
  Database& worker_;
};

}  // namespace outrigger::store
