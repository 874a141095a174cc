// SPDX-License-Identifier: Apache-2.0
// Lifecycle: the one door to everything that changes a model's state, so that REST, supervisor and
// reconciler obey the same graph.
//
// Threads:  every method may be called concurrently.
// Durable:  a returned operation is committed; it goes on whatever dies.
// Lifetime: the store must outlive it; `wake` is called after each commit, from the caller's
// thread. See also: docs/tour.md (life of a model)
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "outrigger/lifecycle/model_store.h"

namespace outrigger::lifecycle {

class Lifecycle {
 public:
  Lifecycle(ModelStore& store, std::function<void()> wake)
      : store_(store), wake_(std::move(wake)) {}

  // Starts the saga of `action`, or returns the operation of the one that runs.
  // Errors: kNotFound; kConflict - the message names the current state and the legal requests;
  // kInvalidArgument with hint kNotBuilt - legal, but this version cannot do it (REST: 501);
  // kUnavailable, kTimeout - ask again.
  Result<OperationId> Request(const TenantId& tenant, const ModelName& model, Action action,
                              const Cause& cause);
  static constexpr const char* kNotBuilt = "not-built";

  Result<Operation> Read(const TenantId& tenant, const OperationId& operation) {
    return store_.Read(tenant, operation);
  }
  Result<std::vector<StateChange>> StateHistory(const TenantId& tenant, const ModelName& model,
                                                int limit, std::int64_t before = 0) {
    return store_.StateHistory(tenant, model, limit, before);
  }
  Result<std::vector<HealthSample>> HealthHistory(const TenantId& tenant, const ModelName& model,
                                                  int limit, std::int64_t before = 0) {
    return store_.HealthHistory(tenant, model, limit, before);
  }

 private:
  ModelStore& store_;
  std::function<void()> wake_;
};

// What a request does to a model in `state`, the one rule both stores share.
struct Judgement {
  enum class Verdict { kStart, kSupersede, kSame, kConflict, kNotBuilt };
  Verdict verdict = Verdict::kConflict;
  State to = State::kDraft;  // kStart, kSupersede
};
Judgement Judge(State state, Action action);
// The error of kConflict and kNotBuilt.
Error Refusal(State state, Action action);
// "DeployRequested": the reason of the state a request leads to, when the cause names none.
std::string DefaultReason(Action action);
// The value of a model-event (docs/formats/model-events.md).
std::string ModelEvent(const TenantId& tenant, const ModelName& model, const StateChange& change,
                       const std::string& deployment);

}  // namespace outrigger::lifecycle
