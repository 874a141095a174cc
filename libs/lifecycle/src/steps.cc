// SPDX-License-Identifier: Apache-2.0
#include "steps.h"

#include <algorithm>
#include <functional>

#include "outrigger/base/retry.h"

namespace outrigger::lifecycle {
namespace {

// A companion answers within a report interval of 2 s; one that never spoke gets less.
constexpr Millis kCompanionSilence{15'000};
constexpr Millis kCompanionNeverSpoke{5'000};
// A drain takes at most 10 s; then the companion is given up even if it goes on reporting.
constexpr Millis kCompanionLimit{120'000};
// What starting may take beyond the model's own startTimeout: polls, reports, a busy machine.
constexpr Millis kStartSlack{5'000};
constexpr int kLogLines = 20;
constexpr RetrySchedule kRecoverBackoff{.first = Millis{1'000}, .max = Millis{60'000}, .tries = 0};

Result<Progress> Done(Result<> result) {
  if (!result) return std::move(result).error();
  return Progress::kDone;
}

Result<Progress> WaitFor(StepContext& step, std::string what) {
  step.waiting_for = std::move(what);
  return Progress::kWait;
}

Result<Progress> WhenRoutesApplied(StepContext& step) {
  auto applied = step.platform.routes.Applied(step.workload());
  if (!applied && RetryClassOf(applied.error().code()) == RetryClass::kNever)
    return std::move(applied).error();
  if (applied && *applied) return Progress::kDone;
  return WaitFor(step, "data_pusher to apply the route");
}

// Starts the container, or finds the one that an earlier try started, and remembers where it is.
Result<> Launch(StepContext& step) {
  DeploymentPlan plan = step.saga.plan;
  const std::int64_t now = step.platform.clock.WallMs();
  OR_ASSIGN(plan.endpoint, step.platform.engine.Start(step.workload(), plan.start));
  if (plan.endpoint == step.saga.plan.endpoint) return {};
  plan.started_at = now;
  OR_RETURN_IF_ERROR(step.platform.records.SavePlan(step.saga.ref, plan));
  step.saga.plan = std::move(plan);
  return {};
}

// An exited container will not get healthy: says what it said last.
Result<> StillRuns(StepContext& step) {
  auto state = step.platform.engine.Inspect(step.workload());
  if (!state || state->phase == WorkloadState::Phase::kRunning) return {};
  std::string message = state->phase == WorkloadState::Phase::kExited
                            ? "the container exited: " + state->detail
                            : std::string("the container is gone");
  if (auto logs = step.platform.engine.Logs(step.workload(), kLogLines); logs && !logs->empty())
    message += "; its last lines:\n" + *logs;
  return Error(ErrorCode::kInvalidArgument, message, "GET /models/NAME/logs shows more");
}

}  // namespace

Result<Progress> CheckManifest(StepContext& step) {
  OR_ASSIGN(DeploymentPlan plan, step.platform.check.Plan(step.saga.ref.tenant, step.saga.model));
  OR_RETURN_IF_ERROR(step.platform.records.SavePlan(step.saga.ref, plan));
  step.saga.plan = std::move(plan);
  return Progress::kDone;
}

Result<Progress> ExplodeMappings(StepContext& step) {
  OR_RETURN_IF_ERROR(step.platform.records.Explode(step.saga.ref));
  return Progress::kDone;
}

Result<Progress> ImplodeMappings(StepContext& step) {
  return Done(step.platform.records.Implode(step.saga.ref));
}

Result<Progress> TakeDeployment(StepContext& step) {
  OR_ASSIGN(step.saga.deployment, step.platform.records.Take(step.saga.ref, step.saga.plan));
  return Progress::kDone;
}

// The deployment ends with the saga (SagaJournal::End), in one transaction with the state DRAFT.
Result<Progress> LeaveDeployment(StepContext&) { return Progress::kDone; }

Result<Progress> ResolveImage(StepContext& step) {
  DeploymentPlan plan = step.saga.plan;
  OR_ASSIGN(plan.start.image.digest, step.platform.engine.Resolve(plan.start.image));
  OR_RETURN_IF_ERROR(step.platform.records.SavePlan(step.saga.ref, plan));
  step.saga.plan = std::move(plan);
  return Progress::kDone;
}

Result<Progress> CreateNamespace(StepContext& step) {
  return Done(step.platform.engine.CreateNamespace(step.workload()));
}

Result<Progress> DeleteNamespace(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  // A worker that was frozen in start_model may have started it after the stop.
  OR_RETURN_IF_ERROR(step.platform.engine.Stop(step.workload()));
  return Done(step.platform.engine.DeleteNamespace(step.workload()));
}

Result<Progress> CreateFeed(StepContext& step) {
  const auto created = step.platform.topics.Create(step.workload(), step.saga.plan.partitions,
                                                   step.saga.plan.feed_retention);
  // Kafka that is gone is waited for: no try was made in vain.
  if (!created && (created.error().code() == ErrorCode::kUnavailable ||
                   created.error().code() == ErrorCode::kTimeout))
    return WaitFor(step, "Kafka: " + created.error().message());
  return Done(created);
}

Result<Progress> DeleteFeed(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  return Done(step.platform.topics.Delete(step.workload()));
}

Result<Progress> StartCompanion(StepContext& step) {
  return Done(step.platform.companions.Start(step.workload()));
}

// Stops the companion and takes its keys back: the undo of StartCompanion.
Result<Progress> EndCompanion(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  if (step.first_ask) OR_RETURN_IF_ERROR(StopCompanion(step));
  OR_ASSIGN(const Progress stopped, CompanionStopped(step));
  if (stopped != Progress::kDone) return stopped;
  return RemoveRoutes(step);
}

Result<Progress> StartModel(StepContext& step) {
  OR_RETURN_IF_ERROR(Launch(step));
  return Done(step.platform.companions.Want(step.workload(), CompanionPhase::kPaused,
                                            step.saga.plan.endpoint));
}

Result<Progress> StopModel(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  return Done(step.platform.engine.Stop(step.workload()));
}

Result<Progress> WaitHealthy(StepContext& step) {
  OR_RETURN_IF_ERROR(StillRuns(step));
  const auto status = step.platform.companions.Status(step.workload());
  const bool polled = status && status->health_endpoint == step.saga.plan.endpoint &&
                      status->health_at >= step.saga.plan.started_at;
  if (polled && status->health == "HEALTHY") return Progress::kDone;
  const Millis limit = step.saga.plan.start_timeout + kStartSlack;
  if (step.heard > limit) {
    if (!polled)
      return Error(
          ErrorCode::kTimeout,
          "no companion polled the model's health in " + std::to_string(limit.count()) + " ms",
          "is data_companion running?");
    return Error(ErrorCode::kInvalidArgument,
                 "the model did not become healthy within model.health.startTimeout (" +
                     std::to_string(step.saga.plan.start_timeout.count()) +
                     " ms): " + status->health_detail,
                 "model.health.startTimeout");
  }
  return WaitFor(step, polled ? "the model to become healthy: " + status->health_detail
                              : "the companion to poll the model's health");
}

Result<Progress> OpenRoutes(StepContext& step) {
  return Done(step.platform.routes.Publish(step.workload(), true));
}

Result<Progress> CloseRoutesAndWait(StepContext& step) {
  if (step.first_ask) OR_RETURN_IF_ERROR(CloseRoutes(step));
  return RoutesApplied(step);
}

Result<Progress> CloseRoutes(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  return Done(step.platform.routes.Publish(step.workload(), false));
}

Result<Progress> RoutesApplied(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  return WhenRoutesApplied(step);
}

Result<Progress> AnnounceAssets(StepContext& step) {
  return Done(step.platform.companions.Announce(step.workload()));
}

// What was announced goes with the companion's other keys (EndCompanion).
Result<Progress> LeaveAnnounced(StepContext&) { return Progress::kDone; }

Result<Progress> RunCompanion(StepContext& step) {
  return Done(step.platform.companions.Want(step.workload(), CompanionPhase::kRunning,
                                            step.saga.plan.endpoint));
}

Result<Progress> StopCompanion(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  return Done(step.platform.companions.Want(step.workload(), CompanionPhase::kStopped, ""));
}

Result<Progress> CompanionStopped(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  const auto status = step.platform.companions.Status(step.workload());
  if (status && status->phase == CompanionPhase::kStopped) return Progress::kDone;
  const bool spoke = status && status->reported_at > 0;
  const Millis silent =
      spoke ? std::min(step.heard, Millis{step.platform.clock.WallMs() - status->reported_at})
            : step.heard;
  if (silent > (spoke ? kCompanionSilence : kCompanionNeverSpoke) || step.heard > kCompanionLimit)
    return Progress::kDone;
  return WaitFor(step, "the companion to drain and stop");
}

Result<Progress> OutputsTaken(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  auto taken = step.platform.routes.OutputsTaken(step.workload());
  if (!taken && RetryClassOf(taken.error().code()) == RetryClass::kNever)
    return std::move(taken).error();
  if (taken && *taken) return Progress::kDone;
  return WaitFor(step, "data_pusher to take what the model said");
}

Result<Progress> RemoveRoutes(StepContext& step) {
  if (!step.deployed()) return Progress::kDone;
  return Done(step.platform.routes.Remove(step.workload()));
}

Result<Progress> MarkDraft(StepContext& step) {
  const auto status = step.deployed() ? step.platform.companions.Status(step.workload())
                                      : std::optional<CompanionStatus>();
  if (status && status->unscored > 0)
    step.message = std::to_string(status->unscored) + " rows stayed unscored";
  return Progress::kDone;
}

Result<Progress> CountTry(StepContext& step) {
  OR_ASSIGN(const int count, step.platform.records.CountTry(step.saga.ref, step.saga.round));
  if (count <= 1) return Progress::kDone;
  // The same jitter at every ask, whoever asks.
  const std::size_t seed = std::hash<std::string>{}(step.saga.ref.id.str()) + step.saga.round;
  const Millis backoff = kRecoverBackoff.Delay(count, static_cast<double>(seed % 1000) / 1000);
  if (step.waited >= backoff) return Progress::kDone;
  return WaitFor(step, "the backoff before try " + std::to_string(count) + " to recover");
}

// Forgets the old start, so that health polled before this one cannot be taken for the new one's.
Result<Progress> StopModelToRestart(StepContext& step) {
  OR_RETURN_IF_ERROR(StopModel(step));
  DeploymentPlan plan = step.saga.plan;
  plan.endpoint.clear();
  OR_RETURN_IF_ERROR(step.platform.records.SavePlan(step.saga.ref, plan));
  step.saga.plan = std::move(plan);
  return Progress::kDone;
}

Result<Progress> StartModelAgain(StepContext& step) {
  OR_RETURN_IF_ERROR(Launch(step));
  return RunCompanion(step);
}

Result<Progress> HealthyAgain(StepContext& step) {
  auto healthy = WaitHealthy(step);
  if (healthy) return healthy;
  step.message = healthy.error().message();
  return Progress::kRestart;
}

// What is left after it goes with the model's row, at the saga's end.
Result<Progress> DeleteRows(StepContext& step) {
  OR_ASSIGN(const bool purged, step.platform.records.Purge(step.saga.ref));
  if (purged) return Progress::kDone;
  return WaitFor(step, "the model's outputs to be deleted");
}

Result<Progress> MarkState(StepContext&) { return Progress::kDone; }

}  // namespace outrigger::lifecycle
