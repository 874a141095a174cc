// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/states.h"

#include <array>

namespace outrigger::lifecycle {
namespace {

constexpr Transition kTransitions[] = {
    {State::kDraft,       Trigger::kDeploy,   State::kDeploying  },
    {State::kDraft,       Trigger::kRemove,   State::kRemoving   },
    {State::kDeploying,   Trigger::kDone,     State::kActive     },
    {State::kDeploying,   Trigger::kFailed,   State::kDraft      },
    {State::kDeploying,   Trigger::kWithdraw, State::kWithdrawing},
    {State::kActive,      Trigger::kRecover,  State::kRecovering },
    {State::kActive,      Trigger::kHalt,     State::kHalting    },
    {State::kActive,      Trigger::kWithdraw, State::kWithdrawing},
    {State::kRecovering,  Trigger::kDone,     State::kActive     },
    {State::kRecovering,  Trigger::kFailed,   State::kWithdrawing},
    {State::kRecovering,  Trigger::kHalt,     State::kHalting    },
    {State::kRecovering,  Trigger::kWithdraw, State::kWithdrawing},
    {State::kHalting,     Trigger::kDone,     State::kHalted     },
    {State::kHalting,     Trigger::kFailed,   State::kActive     },
    {State::kHalted,      Trigger::kResume,   State::kResuming   },
    {State::kHalted,      Trigger::kWithdraw, State::kWithdrawing},
    {State::kResuming,    Trigger::kDone,     State::kActive     },
    {State::kResuming,    Trigger::kFailed,   State::kHalted     },
    {State::kResuming,    Trigger::kWithdraw, State::kWithdrawing},
    {State::kWithdrawing, Trigger::kDone,     State::kDraft      },
};

struct Named {
  State state;
  std::string_view name;
};
constexpr Named kStates[] = {
    {State::kDraft,       "DRAFT"      },
    {State::kDeploying,   "DEPLOYING"  },
    {State::kActive,      "ACTIVE"     },
    {State::kRecovering,  "RECOVERING" },
    {State::kHalting,     "HALTING"    },
    {State::kHalted,      "HALTED"     },
    {State::kResuming,    "RESUMING"   },
    {State::kWithdrawing, "WITHDRAWING"},
    {State::kRemoving,    "REMOVING"   },
};

struct ActionFacts {
  Action action;
  std::string_view name;
  Trigger trigger;
  State doing;
  bool built;
  bool of_users;
};
constexpr ActionFacts kActions[] = {
    {Action::kDeploy,   "deploy",   Trigger::kDeploy,   State::kDeploying,   true,  true },
    {Action::kHalt,     "halt",     Trigger::kHalt,     State::kHalting,     false, true },
    {Action::kResume,   "resume",   Trigger::kResume,   State::kResuming,    false, true },
    {Action::kWithdraw, "withdraw", Trigger::kWithdraw, State::kWithdrawing, true,  true },
    {Action::kRemove,   "remove",   Trigger::kRemove,   State::kRemoving,    true,  true },
    {Action::kRecover,  "recover",  Trigger::kRecover,  State::kRecovering,  true,  false},
};

constexpr bool TablesAreInEnumOrder() {
  for (std::size_t i = 0; i < std::size(kStates); ++i)
    if (static_cast<std::size_t>(kStates[i].state) != i) return false;
  for (std::size_t i = 0; i < std::size(kActions); ++i)
    if (static_cast<std::size_t>(kActions[i].action) != i) return false;
  return true;
}
static_assert(TablesAreInEnumOrder(), "the tables are indexed by their enums");

constexpr bool IsDeterministic() {
  for (const Transition& a : kTransitions)
    for (const Transition& b : kTransitions)
      if (&a != &b && a.from == b.from && a.on == b.on) return false;
  return true;
}
static_assert(IsDeterministic(), "a trigger leads to one state");

const ActionFacts& FactsOf(Action action) { return kActions[static_cast<std::size_t>(action)]; }

}  // namespace

std::span<const Transition> Transitions() { return kTransitions; }

std::optional<State> Next(State from, Trigger on) {
  for (const Transition& transition : kTransitions)
    if (transition.from == from && transition.on == on) return transition.to;
  return std::nullopt;
}

Trigger TriggerOf(Action action) { return FactsOf(action).trigger; }
State Doing(Action action) { return FactsOf(action).doing; }
bool IsBuilt(Action action) { return FactsOf(action).built; }
bool MayScore(State state) { return state == State::kActive || state == State::kRecovering; }

std::string_view Name(State state) { return kStates[static_cast<std::size_t>(state)].name; }
std::string_view Name(Action action) { return FactsOf(action).name; }

std::optional<State> StateFrom(std::string_view name) {
  for (const Named& named : kStates)
    if (named.name == name) return named.state;
  return std::nullopt;
}

std::optional<Action> ActionFrom(std::string_view name) {
  for (const ActionFacts& facts : kActions)
    if (facts.name == name) return facts.action;
  return std::nullopt;
}

std::string LegalRequests(State state) {
  std::string text;
  for (const ActionFacts& facts : kActions) {
    if (!facts.of_users || (!Next(state, facts.trigger) && facts.doing != state)) continue;
    if (!text.empty()) text += ", ";
    text += facts.name;
  }
  return text;
}

}  // namespace outrigger::lifecycle
