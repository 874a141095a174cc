// SPDX-License-Identifier: Apache-2.0
// The sagas of a model, as tables. See saga.h for what the columns mean.
#include "outrigger/base/result.h"
#include "outrigger/lifecycle/saga.h"
#include "steps.h"

namespace outrigger::lifecycle {
namespace {

using namespace std::chrono_literals;
using enum StepKind;

// clang-format off
constexpr SagaStep kDeploy[] = {
    {"check_manifest",     kReadOnly,      CheckManifest,    kNoUndo,            30s,  5},
    {"explode_mappings",   kCompensatable, ExplodeMappings,  ImplodeMappings,    60s,  5},
    {"take_deployment_id", kCompensatable, TakeDeployment,   LeaveDeployment,    30s,  5},
    {"resolve_image",      kReadOnly,      ResolveImage,     kNoUndo,            60s,  5},
    {"create_namespace",   kCompensatable, CreateNamespace,  DeleteNamespace,    60s,  5},
    {"create_feed",        kCompensatable, CreateFeed,       DeleteFeed,         60s,  5},
    {"start_companion",    kCompensatable, StartCompanion,   EndCompanion,       60s,  5},
    {"start_model",        kCompensatable, StartModel,       StopModel,          120s, 3},
    {"wait_healthy",       kReadOnly,      WaitHealthy,      kNoUndo,            0s,   1},
    {"open_routes",        kCompensatable, OpenRoutes,       CloseRoutesAndWait, 60s,  5},
    {"routes_applied",     kReadOnly,      RoutesApplied,    kNoUndo,            120s, 5},
    {"announce_assets",    kCompensatable, AnnounceAssets,   LeaveAnnounced,     60s,  5},
    {"run_companion",      kPivot,         RunCompanion,     kNoUndo,            0s,   kForever},
    {"mark_active",        kRetriable,     MarkState,        kNoUndo,            0s,   kForever},
};

// There is no way back from the first step: who asks for a withdraw gets one.
constexpr SagaStep kWithdraw[] = {
    {"close_routes",      kPivot,     CloseRoutes,      kNoUndo, 0s, kForever},
    {"routes_closed",     kRetriable, RoutesApplied,    kNoUndo, 0s, kForever},
    {"stop_companion",    kRetriable, StopCompanion,    kNoUndo, 0s, kForever},
    {"companion_stopped", kRetriable, CompanionStopped, kNoUndo, 0s, kForever},
    {"stop_model",        kRetriable, StopModel,        kNoUndo, 0s, kForever},
    {"outputs_taken",     kRetriable, OutputsTaken,     kNoUndo, 0s, kForever},
    {"remove_routes",     kRetriable, RemoveRoutes,     kNoUndo, 0s, kForever},
    {"delete_feed",       kRetriable, DeleteFeed,       kNoUndo, 0s, kForever},
    {"delete_namespace",  kRetriable, DeleteNamespace,  kNoUndo, 0s, kForever},
    {"mark_draft",        kRetriable, MarkDraft,        kNoUndo, 0s, kForever},
};

constexpr SagaStep kRecover[] = {
    {"count_try",    kPivot,     CountTry,           kNoUndo, 0s, kForever},
    {"stop_model",   kRetriable, StopModelToRestart, kNoUndo, 0s, kForever},
    {"start_model",  kRetriable, StartModelAgain,    kNoUndo, 0s, kForever},
    {"wait_healthy", kRetriable, HealthyAgain,       kNoUndo, 0s, kForever},
    {"mark_active",  kRetriable, MarkState,          kNoUndo, 0s, kForever},
};

constexpr SagaStep kRemove[] = {
    {"delete_rows", kPivot, DeleteRows, kNoUndo, 0s, kForever},
};

#ifndef __SANITIZE_ADDRESS__  // where GCC cannot compare functions with null at compile time
static_assert(IsSound(kDeploy));
static_assert(IsSound(kWithdraw));
static_assert(IsSound(kRecover));
static_assert(IsSound(kRemove));
#endif

constexpr Saga kDeploySaga   {Action::kDeploy,   kDeploy,   "Deployed",  "DeployFailed"};
constexpr Saga kWithdrawSaga {Action::kWithdraw, kWithdraw, "Withdrawn", ""};
constexpr Saga kRecoverSaga  {Action::kRecover,  kRecover,  "Recovered", ""};
constexpr Saga kRemoveSaga   {Action::kRemove,   kRemove,   "Removed",   ""};
// clang-format on

}  // namespace

const Saga& SagaOf(Action action) {
  switch (action) {
    case Action::kDeploy:
      return kDeploySaga;
    case Action::kWithdraw:
      return kWithdrawSaga;
    case Action::kRecover:
      return kRecoverSaga;
    case Action::kRemove:
      return kRemoveSaga;
    case Action::kHalt:
    case Action::kResume:
      break;
  }
  OR_CHECK(false, "this action has no saga in this version");
}

std::vector<std::string> StepNames(Action action) {
  std::vector<std::string> names;
  for (const SagaStep& step : SagaOf(action).steps) names.emplace_back(step.name);
  return names;
}

}  // namespace outrigger::lifecycle
