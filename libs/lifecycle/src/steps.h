// SPDX-License-Identifier: Apache-2.0
// Steps: what the sagas do, one function a step, so that a table can name them.
//
// Every function is idempotent: it may run again after a crash, and an undo may find nothing to
// undo. None sleeps; what needs time answers kWait.
#pragma once

#include "outrigger/lifecycle/saga.h"

namespace outrigger::lifecycle {

// deploy
Result<Progress> CheckManifest(StepContext& step);
Result<Progress> ExplodeMappings(StepContext& step);
Result<Progress> ImplodeMappings(StepContext& step);
Result<Progress> TakeDeployment(StepContext& step);
Result<Progress> LeaveDeployment(StepContext& step);
Result<Progress> ResolveImage(StepContext& step);
Result<Progress> CreateNamespace(StepContext& step);
Result<Progress> DeleteNamespace(StepContext& step);
Result<Progress> CreateFeed(StepContext& step);
Result<Progress> DeleteFeed(StepContext& step);
Result<Progress> StartCompanion(StepContext& step);
Result<Progress> EndCompanion(StepContext& step);
Result<Progress> StartModel(StepContext& step);
Result<Progress> StopModel(StepContext& step);
Result<Progress> WaitHealthy(StepContext& step);
Result<Progress> OpenRoutes(StepContext& step);
Result<Progress> CloseRoutesAndWait(StepContext& step);
Result<Progress> RoutesApplied(StepContext& step);
Result<Progress> AnnounceAssets(StepContext& step);
Result<Progress> LeaveAnnounced(StepContext& step);
Result<Progress> RunCompanion(StepContext& step);

// withdraw
Result<Progress> CloseRoutes(StepContext& step);
Result<Progress> StopCompanion(StepContext& step);
Result<Progress> CompanionStopped(StepContext& step);
Result<Progress> OutputsTaken(StepContext& step);
Result<Progress> RemoveRoutes(StepContext& step);
Result<Progress> MarkDraft(StepContext& step);

// recover
Result<Progress> CountTry(StepContext& step);
Result<Progress> StopModelToRestart(StepContext& step);
Result<Progress> StartModelAgain(StepContext& step);
Result<Progress> HealthyAgain(StepContext& step);

// remove
Result<Progress> DeleteRows(StepContext& step);

// The last step of a saga: the state it names is committed together with the saga's end.
Result<Progress> MarkState(StepContext& step);

}  // namespace outrigger::lifecycle
