// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/reconciler.h"

#include <set>
#include <utility>

#include "outrigger/base/log.h"

namespace outrigger::lifecycle {
namespace {

std::string KeyOf(const Workload& workload) {
  return workload.tenant.str() + "/" + workload.model.str() + "/" + workload.deployment.str();
}

// One that fails keeps no other from its turn; the first error is told.
void Keep(Result<>& first, Result<> outcome) {
  if (first && !outcome) first = std::move(outcome);
}

}  // namespace

Result<> Reconciler::Tick() {
  // Each part is tried even when another fails; the first error is told.
  Result<> strays = RemoveStrays();
  Result<> missing = RestartMissing();
  Result<> ended = SweepEnded();
  if (!strays) return strays;
  if (!missing) return missing;
  return ended;
}

// What the engine has and no living deployment wants. The engine is asked first: a deployment is
// recorded before anything of it is made, so what the engine knows now is known to the later
// answer.
Result<> Reconciler::RemoveStrays() {
  OR_ASSIGN(const std::vector<Workload> existing, engine_.List());
  OR_ASSIGN(const std::vector<Workload> living, watch_.Living());
  std::set<std::string> wanted;
  for (const Workload& workload : living) wanted.insert(KeyOf(workload));
  std::map<std::string, SteadyTime> seen;
  Result<> first;
  for (const Workload& workload : existing) {
    const std::string key = KeyOf(workload);
    if (wanted.contains(key)) continue;
    const auto before = strays_.find(key);
    const SteadyTime since = before == strays_.end() ? clock_.Now() : before->second;
    seen[key] = since;
    if (clock_.Now() - since < options_.grace) continue;
    LogWarning("removing a stray container", {
                                                 {"workload", key}
    });
    Result<> removed = engine_.Stop(workload);
    if (removed) removed = engine_.DeleteNamespace(workload);
    if (removed) seen.erase(key);
    Keep(first, std::move(removed));
  }
  strays_ = std::move(seen);
  return first;
}

Result<> Reconciler::RestartMissing() {
  OR_ASSIGN(const std::vector<WatchedModel> models, watch_.Watched());
  Result<> first;
  for (const WatchedModel& model : models) Keep(first, RestartIfMissing(model));
  return first;
}

Result<> Reconciler::RestartIfMissing(const WatchedModel& model) {
  if (model.state != State::kActive || model.workload.deployment.empty()) return {};
  OR_ASSIGN(const WorkloadState state, engine_.Inspect(model.workload));
  if (state.phase == WorkloadState::Phase::kRunning) return {};
  const auto asked =
      lifecycle_.Request(model.workload.tenant, model.workload.model, Action::kRecover,
                         {"reconciler", "ContainerGone", "its container does not run"});
  // A conflict: somebody changed the model meanwhile, and knows better.
  if (!asked && asked.error().code() != ErrorCode::kConflict &&
      asked.error().code() != ErrorCode::kNotFound)
    return asked.error();
  return {};
}

// A worker that was frozen inside a step and woke up after another had finished the saga may have
// made something anew. Each ended deployment is looked at once more, when such a worker is refused.
Result<> Reconciler::SweepEnded() {
  OR_ASSIGN(const std::vector<Workload> ended, watch_.Unswept(options_.grace, options_.sweep));
  Result<> first;
  for (const Workload& workload : ended) Keep(first, Sweep(workload));
  return first;
}

Result<> Reconciler::Sweep(const Workload& workload) {
  OR_RETURN_IF_ERROR(engine_.Stop(workload));
  OR_RETURN_IF_ERROR(routes_.Remove(workload));
  OR_RETURN_IF_ERROR(topics_.Delete(workload));
  OR_RETURN_IF_ERROR(engine_.DeleteNamespace(workload));
  return watch_.MarkSwept(workload);
}

}  // namespace outrigger::lifecycle
