// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/stepper.h"

#include <algorithm>
#include <exception>

#include "outrigger/base/log.h"

namespace outrigger::lifecycle {
namespace {

// Between two asks of a step that waits: a tenth of how long it has waited, within these.
constexpr Millis kPollFirst{50}, kPollLast{500};
constexpr Millis kTellWaiting{2'000};  // what is waited for longer is shown in the operation
constexpr Millis kJournalGone{300};    // between two tries of a journal write
constexpr RetrySchedule kRetry{.first = Millis{200}, .max = Millis{5'000}, .tries = kForever};
constexpr const char* kTakenOver = "a withdraw took its place";

const SagaStep& StepAt(const HeldSaga& saga) {
  return SagaOf(saga.record.kind).steps[static_cast<std::size_t>(saga.record.cursor)];
}

StepRecord RowOf(const HeldSaga& saga, StepStatus status, int tries, std::string error = {}) {
  return {saga.record.cursor, std::string(StepAt(saga).name), status, tries, std::move(error)};
}

bool BeforePivot(const SagaStep& step) {
  return step.kind == StepKind::kReadOnly || step.kind == StepKind::kCompensatable;
}

std::string TextOf(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + " (" + error.hint() + ")";
}

void LogStep(LogLevel level, std::string_view event, const HeldSaga& saga, const Error& error) {
  Log(level, event,
      {
          {"tenant",    saga.record.ref.tenant.str()},
          {"model",     saga.record.model.str()     },
          {"operation", saga.record.ref.id.str()    },
          {"step",      StepAt(saga).name           },
          error
  });
}

// A step that throws is a defect of ours, and no reason to end the process: its saga is told.
Result<Progress> Call(StepFunction step, StepContext& context) {
  try {
    return step(context);
  } catch (const std::exception& thrown) {
    return Error(ErrorCode::kInternal, std::string("a step threw: ") + thrown.what());
  }
}

// The step at the cursor begins: forget what belonged to the one before.
void MoveTo(HeldSaga& saga, int cursor, SteadyTime now) {
  saga.record.cursor = cursor;
  saga.record.tries = 0;
  saga.step_began = now;
  saga.asked = false;
  saga.told.clear();
}

}  // namespace

HeldSaga Hold(SagaRecord record, SteadyTime now) {
  HeldSaga saga;
  saga.step_began = now - record.step_age;
  saga.held_since = now;
  saga.record = std::move(record);
  return saga;
}

StepContext SagaStepper::ContextOf(HeldSaga& saga) const {
  const SteadyTime now = platform_.clock.Now();
  const auto waited = std::chrono::duration_cast<Millis>(now - saga.step_began);
  const auto held = std::chrono::duration_cast<Millis>(now - saga.held_since);
  return {.platform = platform_,
          .saga = saga.record,
          .waited = waited,
          .heard = std::min({waited, held, platform_.companions.Listening()}),
          .first_ask = !saga.asked,
          .waiting_for = {},
          .reason = {},
          .message = {}};
}

Turn SagaStepper::Advance(HeldSaga& saga) {
  if (saga.unended) return End(saga, *std::exchange(saga.unended, std::nullopt));
  if (saga.unwritten) return Repeat(saga);
  if (saga.record.superseded) {
    SagaEnd end{.status = OperationStatus::kUndone,
                .trigger = {},
                .reason = {},
                .message = {},
                .error = kTakenOver,
                .steps = {}};
    end.steps.push_back(RowOf(saga, StepStatus::kFailed, saga.record.tries, kTakenOver));
    return End(saga, std::move(end));
  }
  return saga.record.direction == Direction::kRun ? RunStep(saga) : UndoStep(saga);
}

Turn SagaStepper::RunStep(HeldSaga& saga) {
  if (!saga.begun) {
    saga.begun = true;
    return Write(saga, {RowOf(saga, StepStatus::kRunning, saga.record.tries)}, {});
  }
  StepContext context = ContextOf(saga);
  const Result<Progress> progress = Call(StepAt(saga).run, context);
  if (!progress) return StepFailed(saga, context, progress.error());
  switch (*progress) {
    case Progress::kDone:
      return StepDone(saga, context);
    case Progress::kWait:
      return StepWaits(saga, context);
    case Progress::kRestart:
      return BeginAnew(saga, context);
  }
  return {};
}

Turn SagaStepper::StepDone(HeldSaga& saga, const StepContext& context) {
  const Saga& table = SagaOf(saga.record.kind);
  std::vector<StepRecord> rows = {RowOf(saga, StepStatus::kDone, saga.record.tries + 1)};
  if (saga.record.cursor + 1 == static_cast<int>(table.steps.size())) {
    return End(saga,
               {.status = OperationStatus::kDone,
                .trigger = Trigger::kDone,
                .reason = context.reason.empty() ? std::string(table.done_reason) : context.reason,
                .message = context.message,
                .error = {},
                .steps = std::move(rows)});
  }
  MoveTo(saga, saga.record.cursor + 1, platform_.clock.Now());
  rows.push_back(RowOf(saga, StepStatus::kRunning, 0));
  return Write(saga, std::move(rows), {});
}

Turn SagaStepper::StepWaits(HeldSaga& saga, const StepContext& context) {
  saga.asked = true;
  const SagaStep& step = StepAt(saga);
  const bool running = saga.record.direction == Direction::kRun;
  if (running && BeforePivot(step) && step.timeout > Millis{0} && context.heard > step.timeout)
    return StepFailed(saga, context,
                      Error(ErrorCode::kTimeout, "waited " + std::to_string(step.timeout.count()) +
                                                     " ms in vain for " + context.waiting_for));
  const Turn later{TurnOutcome::kLater, std::clamp(context.waited / 10, kPollFirst, kPollLast)};
  if (context.waited < kTellWaiting || saga.told == context.waiting_for) return later;
  saga.told = context.waiting_for;
  return Write(saga,
               {RowOf(saga, running ? StepStatus::kRunning : StepStatus::kUndoing,
                      saga.record.tries, "waits for " + context.waiting_for)},
               later);
}

Turn SagaStepper::StepFailed(HeldSaga& saga, const StepContext& context, const Error& error) {
  const SagaStep& step = StepAt(saga);
  const int tries = ++saga.record.tries;
  saga.asked = false;
  // A peer that is gone is waited for as long as the step may take: nothing was tried in vain.
  const bool gone = error.code() == ErrorCode::kUnavailable && step.timeout > Millis{0};
  const bool in_time = step.timeout == Millis{0} || context.heard < step.timeout;
  const bool again = !BeforePivot(step) || (RetryClassOf(error.code()) != RetryClass::kNever &&
                                            (gone || tries < step.tries) && in_time);
  LogStep(LogLevel::kWarning, again ? "step failed, to be tried again" : "step failed", saga,
          error);
  if (again)
    return Write(saga, {RowOf(saga, StepStatus::kRunning, tries, TextOf(error))},
                 {TurnOutcome::kLater, kRetry.Delay(std::min(tries, 20) + 1, RandomUnit())});
  std::vector<StepRecord> rows = {RowOf(saga, StepStatus::kFailed, tries, TextOf(error))};
  saga.record.error = std::string(step.name) + ": " + TextOf(error);
  saga.record.direction = Direction::kUndo;
  MoveTo(saga, saga.record.cursor, platform_.clock.Now());
  return Write(saga, std::move(rows), {});
}

Turn SagaStepper::UndoStep(HeldSaga& saga) {
  const SagaStep& step = StepAt(saga);
  if (step.undo == nullptr) return MoveDown(saga, {});
  StepContext context = ContextOf(saga);
  const Result<Progress> progress = Call(step.undo, context);
  if (!progress) return UndoFailed(saga, progress.error());
  if (*progress == Progress::kWait) return StepWaits(saga, context);
  return MoveDown(saga, {RowOf(saga, StepStatus::kUndone, saga.record.tries + 1)});
}

// An undo has no way out but to succeed.
Turn SagaStepper::UndoFailed(HeldSaga& saga, const Error& error) {
  const int tries = ++saga.record.tries;
  saga.asked = false;
  LogStep(LogLevel::kWarning, "undo failed, to be tried again", saga, error);
  return Write(saga, {RowOf(saga, StepStatus::kUndoing, tries, TextOf(error))},
               {TurnOutcome::kLater, kRetry.Delay(std::min(tries, 20) + 1, RandomUnit())});
}

// To the next step above that has an undo, or to the end.
Turn SagaStepper::MoveDown(HeldSaga& saga, std::vector<StepRecord> rows) {
  const Saga& table = SagaOf(saga.record.kind);
  int cursor = saga.record.cursor - 1;
  while (cursor >= 0 && table.steps[static_cast<std::size_t>(cursor)].undo == nullptr) --cursor;
  if (cursor < 0)
    return End(saga, {.status = OperationStatus::kUndone,
                      .trigger = Trigger::kFailed,
                      .reason = std::string(table.failed_reason),
                      .message = saga.record.error,
                      .error = saga.record.error,
                      .steps = std::move(rows)});
  MoveTo(saga, cursor, platform_.clock.Now());
  rows.push_back(RowOf(saga, StepStatus::kUndoing, 0));
  return Write(saga, std::move(rows), {});
}

Turn SagaStepper::BeginAnew(HeldSaga& saga, const StepContext& context) {
  std::vector<StepRecord> rows;
  const int failed = saga.record.cursor;
  for (int i = failed; i >= 0; --i) {
    MoveTo(saga, i, platform_.clock.Now());
    rows.push_back(RowOf(saga, StepStatus::kPending, 0, i == failed ? context.message : ""));
  }
  LogWarning("saga begins anew", {
                                     {"tenant",    saga.record.ref.tenant.str()},
                                     {"model",     saga.record.model.str()     },
                                     {"operation", saga.record.ref.id.str()    },
                                     {"why",       context.message             }
  });
  ++saga.record.round;
  rows.back().status = StepStatus::kRunning;
  return Write(saga, std::move(rows), {});
}

Turn SagaStepper::Write(HeldSaga& saga, std::vector<StepRecord> rows, Turn then) {
  saga.unwritten = JournalEntry{.cursor = saga.record.cursor,
                                .direction = saga.record.direction,
                                .round = saga.record.round,
                                .error = saga.record.error,
                                .steps = std::move(rows)};
  saga.after_write = then;
  return Repeat(saga);
}

Turn SagaStepper::Repeat(HeldSaga& saga) {
  const Result<bool> superseded = platform_.journal.Write(saga.record.ref, *saga.unwritten);
  if (!superseded) {
    if (superseded.error().code() == ErrorCode::kConflict) return {TurnOutcome::kLost, {}};
    if (superseded.error().code() == ErrorCode::kInternal)
      LogStep(LogLevel::kError, "the journal refused a write", saga, superseded.error());
    return {TurnOutcome::kLater, kJournalGone};
  }
  saga.unwritten.reset();
  saga.record.superseded = *superseded;
  return *superseded ? Turn{} : saga.after_write;
}

Turn SagaStepper::End(HeldSaga& saga, SagaEnd end) {
  const Result<> ended = platform_.journal.End(saga.record.ref, end);
  if (ended) return {TurnOutcome::kEnded, {}};
  if (ended.error().code() == ErrorCode::kConflict) return {TurnOutcome::kLost, {}};
  if (ended.error().code() == ErrorCode::kInternal)
    LogStep(LogLevel::kError, "the journal refused an end", saga, ended.error());
  saga.unended = std::move(end);
  return {TurnOutcome::kLater, kJournalGone};
}

}  // namespace outrigger::lifecycle
