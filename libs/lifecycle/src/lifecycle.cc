// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/lifecycle.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"
#include "outrigger/lifecycle/saga.h"

namespace outrigger::lifecycle {
namespace {

// Sagas that a withdraw takes the place of. The others have passed their pivot or end soon.
bool MayBeSuperseded(State state) {
  return state == State::kDeploying || state == State::kResuming || state == State::kRecovering;
}

}  // namespace

Judgement Judge(State state, Action action) {
  using Verdict = Judgement::Verdict;
  if (state == Doing(action)) return {Verdict::kSame, state};
  const auto to = Next(state, TriggerOf(action));
  if (!to) return {Verdict::kConflict, state};
  if (!IsBuilt(action)) return {Verdict::kNotBuilt, state};
  return {MayBeSuperseded(state) ? Verdict::kSupersede : Verdict::kStart, *to};
}

Error Refusal(State state, Action action) {
  if (Judge(state, action).verdict == Judgement::Verdict::kNotBuilt)
    return Error(ErrorCode::kInvalidArgument,
                 std::string(Name(action)) + " is not part of this version", Lifecycle::kNotBuilt);
  const std::string legal = LegalRequests(state);
  return Error(ErrorCode::kConflict,
               "the model is " + std::string(Name(state)) + ": " + std::string(Name(action)) +
                   " is not legal now",
               legal.empty() ? "wait until the model is gone" : "legal now: " + legal);
}

std::string DefaultReason(Action action) {
  std::string reason(Name(action));
  reason[0] = static_cast<char>(reason[0] - 'a' + 'A');
  return reason + "Requested";
}

std::string ModelEvent(const TenantId& tenant, const ModelName& model, const StateChange& change,
                       const std::string& deployment) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
  };
  return Dump({
      {"tenant",     tenant.str()                                                              },
      {"model",      model.str()                                                               },
      {"from",       change.from ? nlohmann::json(Name(*change.from)) : nlohmann::json(nullptr)},
      {"to",         Name(change.to)                                                           },
      {"reason",     change.reason                                                             },
      {"message",    change.message                                                            },
      {"actor",      change.actor                                                              },
      {"operation",  text_or_null(change.operation)                                            },
      {"deployment", text_or_null(deployment)                                                  },
      {"time",       FormatTime(change.time)                                                   },
  });
}

Result<OperationId> Lifecycle::Request(const TenantId& tenant, const ModelName& model,
                                       Action action, const Cause& cause) {
  const std::vector<std::string> steps =
      IsBuilt(action) ? StepNames(action) : std::vector<std::string>();
  auto operation = store_.Request(tenant, model, action, cause, steps);
  if (operation && wake_) wake_();
  return operation;
}

}  // namespace outrigger::lifecycle
