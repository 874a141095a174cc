// SPDX-License-Identifier: Apache-2.0
// Saga: a lifecycle operation as a table of steps, so that its order, its way back and its point of
// no return can be read, checked and tested from one place.
//
// Steps run top to bottom. If one fails before the pivot has happened, its own undo and those of
// all steps above run bottom to top: a failed step may have taken effect, so every undo accepts
// that there is nothing to undo. After the pivot there is no way back, only tries. The journal
// stores step names: add or retire a step, never rename one.
//
// Threads:  tables are constants; a StepContext belongs to one try of one step.
// See also: docs/adr/0004-sagas-with-a-journal.md
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/lifecycle/boards.h"
#include "outrigger/lifecycle/engine.h"
#include "outrigger/lifecycle/journal.h"
#include "outrigger/lifecycle/plan.h"

namespace outrigger::lifecycle {

// Everything a step may touch. All must outlive the runner.
struct Platform {
  SagaJournal& journal;
  DeploymentRecords& records;
  DeployCheck& check;
  ModelEngine& engine;
  FeedTopics& topics;
  RouteBoard& routes;
  CompanionBoard& companions;
  Clock& clock;
};

// One try of one step: what it knows, and what it has to say.
struct StepContext {
  Platform& platform;
  SagaRecord& saga;
  Millis waited{0};  // since the step began, tries and restarts included
  // Of that, what this process was there for and heard its peers: only so long may anybody be
  // called late. Our own downtime and Kafka's count against nobody.
  Millis heard{0};
  bool first_ask = true;    // this process has not had kWait from it; what asks others, asks now
  std::string waiting_for;  // with kWait: shown in the operation
  std::string reason;       // of the state the last step leads to
  std::string message;

  Workload workload() const { return {saga.ref.tenant, saga.model, saga.deployment}; }
  bool deployed() const { return !saga.deployment.empty(); }
};

// kDone: on to the next. kWait: nothing failed, ask again soon. kRestart: begin the saga anew,
// after a backoff (recover only).
enum class Progress { kDone, kWait, kRestart };
using StepFunction = Result<Progress> (*)(StepContext&);
inline constexpr StepFunction kNoUndo = nullptr;

enum class StepKind { kReadOnly, kCompensatable, kPivot, kRetriable };
inline constexpr int kForever = 0;  // tries without end

struct SagaStep {
  std::string_view name;
  StepKind kind;
  StepFunction run;
  StepFunction undo;
  Millis timeout;  // of the time heard, waits and tries included; 0: none. Before the pivot only
  int tries;       // in all; errors that no retry mends end it at once. Before the pivot only
};

struct Saga {
  Action action;
  std::span<const SagaStep> steps;
  std::string_view done_reason;    // of the state it leads to
  std::string_view failed_reason;  // of the state it falls back to
};

// Unique names; an undo where and only where there is something to compensate; one pivot, only
// retriable steps after it and none before; what follows the pivot has no end of tries.
constexpr bool IsSound(std::span<const SagaStep> steps) {
  int pivots = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const SagaStep& step = steps[i];
    for (std::size_t j = 0; j < i; ++j)
      if (steps[j].name == step.name) return false;
    if (step.run == nullptr) return false;
    if ((step.undo != nullptr) != (step.kind == StepKind::kCompensatable)) return false;
    if (step.kind == StepKind::kPivot) ++pivots;
    if ((step.kind == StepKind::kRetriable) != (pivots == 1 && step.kind != StepKind::kPivot))
      return false;
    if (pivots > 0 && step.tries != kForever) return false;
  }
  return pivots == 1;
}

// Requires: IsBuilt(action).
const Saga& SagaOf(Action action);
std::vector<std::string> StepNames(Action action);

}  // namespace outrigger::lifecycle
