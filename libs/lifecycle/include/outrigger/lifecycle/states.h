// SPDX-License-Identifier: Apache-2.0
// States: the one graph every model follows, as a table, so that what is legal is decided in one
// place.
//
//   submit ─▶ DRAFT ─deploy─▶ DEPLOYING ─done─▶ ACTIVE ◀─healthy─ RECOVERING
//              ▲ │               │ failed        │ │ ╰──unwell───────▲ │
//              │ │               ▼               │ ╰─halt─▶ HALTING ◀──╯
//              │ │             DRAFT             │          │ done
//              │ ╰─remove─▶ REMOVING ─▶ gone     │          ▼
//              │                                 │        HALTED ─resume─▶ RESUMING ─done─▶ ACTIVE
//              ╰────────done── WITHDRAWING ◀─────╯ withdraw; also from DEPLOYING, RECOVERING,
//                                                  HALTED, RESUMING
//
// Threads:  pure.
// See also: docs/adr/0004-sagas-with-a-journal.md
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace outrigger::lifecycle {

enum class State {
  kDraft,
  kDeploying,
  kActive,
  kRecovering,
  kHalting,
  kHalted,
  kResuming,
  kWithdrawing,
  kRemoving,
};

// What somebody asks for. Each is one saga. kRecover is asked by the supervisor only.
enum class Action { kDeploy, kHalt, kResume, kWithdraw, kRemove, kRecover };

// What moves a model: a request, or the end of its saga.
enum class Trigger { kDeploy, kHalt, kResume, kWithdraw, kRemove, kRecover, kDone, kFailed };

struct Transition {
  State from;
  Trigger on;
  State to;
};
std::span<const Transition> Transitions();

// Where `on` leads from `from`; nullopt: it is illegal there.
std::optional<State> Next(State from, Trigger on);
Trigger TriggerOf(Action action);
// The state a model is in while the saga of `action` runs.
State Doing(Action action);
// Whether the sagas of `action` are part of this version; where not, REST answers 501 where the
// request would be legal.
bool IsBuilt(Action action);
// Whether a model's outputs may count in this state.
bool MayScore(State state);

std::string_view Name(State state);    // "DRAFT"
std::string_view Name(Action action);  // "deploy"
std::optional<State> StateFrom(std::string_view name);
std::optional<Action> ActionFrom(std::string_view name);

// The users' requests that are legal in `state`, for an error message: "deploy, remove". What runs
// already counts: asked again it answers with its operation.
std::string LegalRequests(State state);

}  // namespace outrigger::lifecycle
