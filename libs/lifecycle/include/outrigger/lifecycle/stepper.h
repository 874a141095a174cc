// SPDX-License-Identifier: Apache-2.0
// SagaStepper: moves one claimed saga by one try of one step, so that order, undo and journal can
// be tested without threads or time.
//
// Order of things: do the effect, then journal it; so every effect is idempotent by (saga, step).
//
// Threads:  one saga is advanced by one thread at a time; different sagas concurrently.
// See also: runner.h (leases and threads), tests/contract/lifecycle (crash at every step)
#pragma once

#include <optional>

#include "outrigger/base/retry.h"
#include "outrigger/lifecycle/saga.h"

namespace outrigger::lifecycle {

enum class TurnOutcome {
  kGoOn,   // at once
  kLater,  // after `delay`
  kEnded,  // the saga is over
  kLost,   // another worker has it, or its end: drop it
};
struct Turn {
  TurnOutcome outcome = TurnOutcome::kGoOn;
  Millis delay{0};
};

// A saga between claim and end, in the hands of one worker.
struct HeldSaga {
  SagaRecord record;
  SteadyTime step_began{};
  SteadyTime held_since{};  // when this process took the saga
  bool begun = false;       // the journal knows that the step at the cursor runs
  bool asked = false;       // that step has answered kWait
  std::string told;         // what the journal was last told it waits for
  // A write whose outcome is unknown: repeated before anything else.
  std::optional<JournalEntry> unwritten;
  std::optional<SagaEnd> unended;
  Turn after_write{};
};
HeldSaga Hold(SagaRecord record, SteadyTime now);

class SagaStepper {
 public:
  explicit SagaStepper(Platform& platform) : platform_(platform) {}

  // Requires: `saga` is leased to the caller.
  Turn Advance(HeldSaga& saga);

 private:
  Turn RunStep(HeldSaga& saga);
  Turn UndoStep(HeldSaga& saga);
  Turn StepDone(HeldSaga& saga, const StepContext& context);
  Turn StepWaits(HeldSaga& saga, const StepContext& context);
  Turn StepFailed(HeldSaga& saga, const StepContext& context, const Error& error);
  Turn UndoFailed(HeldSaga& saga, const Error& error);
  Turn MoveDown(HeldSaga& saga, std::vector<StepRecord> rows);
  Turn BeginAnew(HeldSaga& saga, const StepContext& context);
  Turn Write(HeldSaga& saga, std::vector<StepRecord> rows, Turn then);
  Turn Repeat(HeldSaga& saga);
  Turn End(HeldSaga& saga, SagaEnd end);
  StepContext ContextOf(HeldSaga& saga) const;

  Platform& platform_;
};

}  // namespace outrigger::lifecycle
