// SPDX-License-Identifier: Apache-2.0
// SagaJournal: durable memory of how far each saga got and who works on it, so that a restarted
// service finishes or undoes what it did not begin, and one that slept past its lease is refused.
//
// Every write names the epoch its claim gave; a later claim makes all earlier epochs worthless.
//
// Threads:  every method may be called concurrently.
// Durable:  success means committed.
// See also: docs/adr/0004-sagas-with-a-journal.md; libs/store postgres_lifecycle.h,
// tests/support/in_memory_lifecycle.h (implementations)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/lifecycle/plan.h"
#include "outrigger/lifecycle/states.h"

namespace outrigger::lifecycle {

enum class Direction { kRun, kUndo };
enum class StepStatus { kPending, kRunning, kDone, kFailed, kUndoing, kUndone };
enum class OperationStatus { kRunning, kDone, kUndone, kFailed };
std::string_view Name(StepStatus status);       // "RUNNING"
std::string_view Name(OperationStatus status);  // "UNDONE"
std::optional<StepStatus> StepStatusFrom(std::string_view name);
std::optional<OperationStatus> OperationStatusFrom(std::string_view name);

// Names one claim of a saga.
struct SagaRef {
  TenantId tenant;
  OperationId id;
  std::int64_t epoch = 0;
};

struct StepRecord {
  int position = 0;
  std::string name;
  StepStatus status = StepStatus::kPending;
  int tries = 0;
  std::string error;  // or what it waits for
};

// A claimed saga: the truth a worker goes on from.
struct SagaRecord {
  SagaRef ref;
  ModelName model;
  Action kind = Action::kDeploy;
  int cursor = 0;  // the step that is next, or was running
  Direction direction = Direction::kRun;
  int round = 1;
  bool superseded = false;  // a withdraw took its place: end it, undo nothing
  std::string error;        // why it is being undone
  int tries = 0;            // failed ones of the step at the cursor
  Millis step_age{0};       // since that step began
  DeploymentId deployment;  // the model's; empty: none
  DeploymentPlan plan;
};

// One move of a saga. Absolute values: the same write twice is one. A step that FAILED stays so
// while it is undone; UNDONE keeps the error that was there.
struct JournalEntry {
  int cursor = 0;
  Direction direction = Direction::kRun;
  int round = 1;
  std::string error;
  std::vector<StepRecord> steps;  // those that changed
};

struct SagaEnd {
  OperationStatus status = OperationStatus::kDone;
  std::optional<Trigger> trigger;  // kDone or kFailed moves the model; nullopt: superseded
  std::string reason;              // of the model's new state, CamelCase
  std::string message;
  std::string error;
  std::vector<StepRecord> steps;
};

struct Claimed {
  std::vector<SagaRecord> sagas;        // newly ours
  std::vector<OperationId> superseded;  // already ours, and a withdraw waits for them to end
};

class SagaJournal {
 public:
  virtual ~SagaJournal() = default;

  // Leases up to `limit` running sagas that nobody holds, oldest first. A saga that took another's
  // place is left until that one has ended. No work to do is an empty answer.
  // Errors: kUnavailable, kTimeout - the leases expire by themselves.
  virtual Result<Claimed> Claim(const std::string& owner, int limit, Millis lease) = 0;
  // Prolongs them; returns those that are still ours.
  virtual Result<std::vector<OperationId>> Renew(const std::vector<SagaRef>& sagas,
                                                 Millis lease) = 0;
  // Hands them back at once. Those that are no longer ours are left alone.
  virtual Result<> Release(const std::vector<SagaRef>& sagas) = 0;

  // Idempotent. Returns whether the saga was superseded. Errors: kConflict - another worker holds
  // it or it has ended: drop it; kUnavailable, kTimeout - outcome unknown: repeat.
  virtual Result<bool> Write(const SagaRef& saga, const JournalEntry& entry) = 0;
  // Ends the saga and moves its model, in one transaction with the history and the model-event.
  // A saga that was superseded meanwhile ends UNDONE and moves nothing.
  // Where the model comes to DRAFT its deployment ends; where it was REMOVING it is gone.
  // Errors: as Write(); kConflict also after an earlier End() that succeeded.
  virtual Result<> End(const SagaRef& saga, const SagaEnd& end) = 0;
};

// What the steps themselves keep in the database. All are fenced by the saga's epoch and refused
// with kConflict once it is superseded.
class DeploymentRecords {
 public:
  virtual ~DeploymentRecords() = default;
  // Gives the model a deployment of its own. Idempotent: the one it has is returned.
  virtual Result<DeploymentId> Take(const SagaRef& saga, const DeploymentPlan& plan) = 0;
  // Remembers the plan with the saga and, once there is one, the deployment. Idempotent.
  virtual Result<> SavePlan(const SagaRef& saga, const DeploymentPlan& plan) = 0;
  // Explodes a mapping by asset type into mappings of assets. Idempotent. Returns how many assets.
  virtual Result<std::int64_t> Explode(const SagaRef& saga) = 0;
  // Removes what Explode() made. Idempotent.
  virtual Result<> Implode(const SagaRef& saga) = 0;
  // Counts a try to recover, once for each round. Returns the count.
  virtual Result<int> CountTry(const SagaRef& saga, int round) = 0;
  // Deletes some of what is kept until the model is removed (outputs, dead letters, health), a
  // bounded piece a call, so that no transaction of millions of rows is needed. Returns whether
  // nothing is left. Idempotent. Requires: the model is REMOVING.
  virtual Result<bool> Purge(const SagaRef& saga) = 0;
};

}  // namespace outrigger::lifecycle
