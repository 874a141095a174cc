// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/supervisor.h"

#include <algorithm>
#include <optional>

#include "outrigger/base/log.h"

namespace outrigger::lifecycle {

// What one look at a model saw.
struct Supervisor::Seen {
  std::optional<WorkloadState> container;  // nullopt: the engine did not say
  std::optional<CompanionStatus> companion;
  bool silent = false;
};

namespace {

bool IsRunning(State state) {
  return state == State::kDeploying || state == State::kActive || state == State::kRecovering ||
         state == State::kResuming;
}

}  // namespace

Result<> Supervisor::Tick(bool journal_late) {
  OR_ASSIGN(const std::vector<WatchedModel> models, watch_.Watched());
  std::map<std::pair<TenantId, ModelName>, Memory> kept;
  std::vector<std::pair<const WatchedModel*, Seen>> looks;
  int silent = 0;
  for (const WatchedModel& model : models) {
    if (!IsRunning(model.state) || model.workload.deployment.empty()) continue;
    const auto key = std::pair(model.workload.tenant, model.workload.model);
    Memory memory = memory_[key];
    if (memory.deployment != model.workload.deployment) {
      memory = {};
      memory.deployment = model.workload.deployment;
      memory.first_seen_at = clock_.WallMs();
    }
    kept[key] = memory;
    memory_[key] = std::move(memory);
    looks.emplace_back(&model, Look(model));
    if (looks.back().second.silent) ++silent;
  }
  memory_ = std::move(kept);
  // Silence of one is that companion's; silence of most is ours, or their host's.
  const bool trust_silence = !journal_late && 2 * silent < static_cast<int>(looks.size());
  for (const auto& [model, seen] : looks) Judge(*model, seen, trust_silence);
  return {};
}

Supervisor::Seen Supervisor::Look(const WatchedModel& model) {
  Seen seen;
  if (model.state == State::kActive)
    if (auto state = engine_.Inspect(model.workload)) seen.container = *std::move(state);
  seen.companion = companions_.Status(model.workload);
  Memory& memory = memory_[{model.workload.tenant, model.workload.model}];
  if (seen.companion) memory.heard_at = seen.companion->reported_at;
  seen.silent = Silent(model, memory);
  return seen;
}

bool Supervisor::Silent(const WatchedModel& model, const Memory& memory) const {
  const std::int64_t last = std::max(memory.heard_at, memory.first_seen_at);
  const Millis limit = 3 * std::max(model.plan.health_interval, options_.report_every);
  return clock_.WallMs() - last > limit.count();
}

void Supervisor::Judge(const WatchedModel& model, const Seen& seen, bool trust_silence) {
  const bool known = seen.companion && !seen.silent;
  const bool current = known && seen.companion->health_at > 0 &&
                       seen.companion->health_endpoint == model.plan.endpoint &&
                       seen.companion->health_at >= model.plan.started_at;
  HealthSample sample{
      .seq = 0, .status = "UNKNOWN", .detail = {}, .latency_ms = 0, .time = clock_.WallMs()};
  if (current) {
    sample.status = seen.companion->health.empty() ? "UNKNOWN" : seen.companion->health;
    sample.detail = seen.companion->health_detail;
    sample.latency_ms = seen.companion->latency_ms;
  } else {
    sample.detail = seen.silent ? "no report of its companion" : "not polled yet";
  }
  const bool exited = seen.container && seen.container->phase != WorkloadState::Phase::kRunning;
  if (exited) {
    sample.status = "UNHEALTHY";
    sample.detail = seen.container->phase == WorkloadState::Phase::kExited
                        ? "the container exited: " + seen.container->detail
                        : "the container is gone";
  }
  Remember(model, sample);
  if (model.state != State::kActive) return;
  if (exited)
    Recover(model, "ContainerExited", sample.detail);
  else if (current && seen.companion->failures >= model.plan.health_failures)
    Recover(model, "Unhealthy",
            std::to_string(seen.companion->failures) + " failures in a row: " + sample.detail);
  else if (seen.silent && trust_silence)
    Recover(model, "CompanionSilent",
            "its companion has not reported for 3 intervals; others have");
}

// Keeps changes and one sample a minute, and forgets tries after unbroken health.
void Supervisor::Remember(const WatchedModel& model, const HealthSample& sample) {
  Memory& memory = memory_[{model.workload.tenant, model.workload.model}];
  const bool changed = memory.status != sample.status;
  const bool due = sample.time - memory.recorded_at >= options_.sample_every.count();
  // Before the first poll nothing is known, which is no news.
  const bool news = !(memory.status.empty() && sample.status == "UNKNOWN");
  if (news && (changed || due))
    if (watch_.RecordHealth(model.workload, sample)) {
      memory.status = sample.status;
      memory.recorded_at = sample.time;
    }
  const bool well = sample.status == "HEALTHY" && model.state == State::kActive;
  if (!well)
    memory.well_since = 0;
  else if (memory.well_since == 0)
    memory.well_since = sample.time;
  else if (model.tries > 0 && sample.time - memory.well_since >= model.plan.quiet.count())
    if (auto forgotten = watch_.ForgetTries(model.workload); !forgotten)
      LogWarning("tries to recover could not be forgotten", {forgotten.error()});
}

void Supervisor::Recover(const WatchedModel& model, const std::string& reason,
                         const std::string& message) {
  const auto asked = lifecycle_.Request(model.workload.tenant, model.workload.model,
                                        Action::kRecover, {"supervisor", reason, message});
  if (asked)
    LogWarning("model is unwell and recovers", {
                                                   {"tenant",  model.workload.tenant.str()},
                                                   {"model",   model.workload.model.str() },
                                                   {"reason",  reason                     },
                                                   {"message", message                    }
    });
}

}  // namespace outrigger::lifecycle
