// SPDX-License-Identifier: Apache-2.0
// ModelStore and ModelWatch: the lifecycle's side of the stored models, so that requests, histories
// and supervision are the same on PostgreSQL and in memory.
//
// Threads:  every method may be called concurrently.
// Durable:  success means committed.
// See also: libs/store postgres_lifecycle.h, tests/support/in_memory_lifecycle.h (implementations)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outrigger/lifecycle/journal.h"

namespace outrigger::lifecycle {

// Who wants it and why. Empty reason: "DeployRequested" and so on.
struct Cause {
  std::string actor;
  std::string reason;
  std::string message;
};

struct Operation {
  OperationId id;
  Action kind = Action::kDeploy;
  ModelName model;
  OperationStatus status = OperationStatus::kRunning;
  std::vector<StepRecord> steps;
  std::string error;
  std::int64_t created_at = 0;   // Unix ms
  std::int64_t finished_at = 0;  // 0: runs
};

struct StateChange {
  std::int64_t seq = 0;
  std::optional<State> from;  // nullopt: before submit
  State to = State::kDraft;
  std::string reason;
  std::string message;
  std::string actor;
  std::string operation;  // may be empty
  std::int64_t time = 0;  // Unix ms
};

struct HealthSample {
  std::int64_t seq = 0;
  std::string status;  // HEALTHY, UNHEALTHY, UNKNOWN
  std::string detail;
  double latency_ms = 0;
  std::int64_t time = 0;  // Unix ms
};

class ModelStore {
 public:
  virtual ~ModelStore() = default;

  // Commits the new state, its history row, the model-event and an operation, or answers with the
  // operation that does the same already. A withdraw of a model that is being deployed, resumed or
  // recovered supersedes that saga. `steps` are the names of the saga's steps.
  // Errors: kNotFound; kConflict - illegal in this state: the message names it, the hint the legal
  // requests; kUnavailable; kTimeout - outcome unknown: ask again, the answer is the same
  // operation.
  virtual Result<OperationId> Request(const TenantId& tenant, const ModelName& model, Action action,
                                      const Cause& cause,
                                      const std::vector<std::string>& steps) = 0;
  // Errors: kNotFound.
  virtual Result<Operation> Read(const TenantId& tenant, const OperationId& operation) = 0;
  // Newest first, at most `limit`, those with seq < `before` (0: from the newest).
  // Errors: kNotFound - no such model.
  virtual Result<std::vector<StateChange>> StateHistory(const TenantId& tenant,
                                                        const ModelName& model, int limit,
                                                        std::int64_t before) = 0;
  virtual Result<std::vector<HealthSample>> HealthHistory(const TenantId& tenant,
                                                          const ModelName& model, int limit,
                                                          std::int64_t before) = 0;
};

// A model that is not at rest in DRAFT.
struct WatchedModel {
  Workload workload;  // its deployment may be empty
  State state = State::kDraft;
  Millis in_state{0};  // for how long
  int tries = 0;       // to recover, not yet forgotten
  DeploymentPlan plan;
};

class ModelWatch {
 public:
  virtual ~ModelWatch() = default;
  // Models of every tenant that are not in DRAFT.
  virtual Result<std::vector<WatchedModel>> Watched() = 0;
  // Deployments that have not ended.
  virtual Result<std::vector<Workload>> Living() = 0;
  virtual Result<> RecordHealth(const Workload& workload, const HealthSample& sample) = 0;
  // Sets the count of tries to recover back to none, if the model is ACTIVE.
  virtual Result<> ForgetTries(const Workload& workload) = 0;
  // Deployments that ended at least `age` ago and were not swept since: a worker that slept may
  // have made something of theirs anew after the end.
  virtual Result<std::vector<Workload>> Unswept(Millis age, int limit) = 0;
  virtual Result<> MarkSwept(const Workload& workload) = 0;
};

}  // namespace outrigger::lifecycle
