// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "model_api/document.h"
#include "model_api/handlers.h"
#include "model_api/model_document.h"
#include "model_api/problems.h"
#include "model_api/replay_store.h"
#include "outrigger/base/json.h"
#include "outrigger/lifecycle/states.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;
using lifecycle::State;

constexpr std::size_t kMaxIds = 1'000;
constexpr std::size_t kMaxIdCharacters = 2'048;

std::string IdPointer(std::size_t index) { return "/ids/" + std::to_string(index); }

// A companion that is there, and that will not be told to stop by what already runs.
Judged<> CheckTakesReplays(const ModelRow& model) {
  constexpr std::array kTake = {State::kActive, State::kRecovering, State::kHalted};
  const auto state = lifecycle::StateFrom(model.state);
  if (state && std::ranges::contains(kTake, *state) && !model.deployment.empty()) return {};
  return StateConflict("the model " + model.name + " is " + model.state +
                           ": no deployment of it tries dead letters again",
                       "deploy it, or wait until it is ACTIVE or HALTED");
}

std::vector<std::string> ReadIds(const Json& list, Faults& faults) {
  std::vector<std::string> ids;
  std::set<std::string> seen;
  if (list.empty() || list.size() > kMaxIds) {
    faults.push_back({"/ids", "length",
                      "found " + std::to_string(list.size()) + " ids, allowed are 1 to " +
                          std::to_string(kMaxIds)});
    return ids;
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string()) {
      faults.push_back({IdPointer(i), "wrong-type",
                        "found " + std::string(KindOf(list[i])) + ", allowed is a string"});
      continue;
    }
    ids.push_back(list[i].get<std::string>());
    if (ids.back().find('\0') != std::string::npos || Characters(ids.back()) > kMaxIdCharacters)
      faults.push_back({IdPointer(i), "not-found", "the model has no dead letter of this id"});
    else if (!seen.insert(ids.back()).second)
      faults.push_back({IdPointer(i), "duplicate", "the id is there already"});
  }
  return ids;
}

// The ids; nullopt: all.
Judged<std::optional<std::vector<std::string>>> ReadReplay(const Json& body) {
  constexpr std::array<std::string_view, 2> kKnown = {"ids", "all"};
  Faults faults;
  ObjectReader reader(body, "", kKnown, faults);
  std::optional<std::vector<std::string>> ids;
  const Json* all = reader.Any("all", Need::kOptional);
  const Json* list = reader.Array("ids", Need::kOptional);
  const bool has_ids = reader.ok() && body.contains("ids") && !body["ids"].is_null();
  if (all && !all->is_boolean())
    reader.Fault("all", "wrong-type", "found " + std::string(KindOf(*all)) + ", allowed is true");
  else if (all && !all->get<bool>())
    reader.Fault("all", "not-allowed", "found false, allowed is true");
  if (all && has_ids) reader.Fault("all", "not-allowed", "give ids or all, not both");
  if (reader.ok() && !all && !has_ids)
    reader.Fault("ids", "missing", "give the ids of dead letters, or all");
  if (list) ids = ReadIds(*list, faults);
  if (!faults.empty()) return Invalid(std::move(faults));
  return ids;
}

std::string WhyNot(const std::string& cause) {
  if (cause == "not-mapped")
    return "the model has scored it; what it said could not be stored (not-mapped)";
  if (cause == "bad-record") return "the record is no row of the model (bad-record)";
  return "it does not hold a whole row (" + cause + ")";
}

Judged<> CheckLetters(Context& context, const ModelRow& model,
                      const std::vector<std::string>& ids) {
  OR_ASSIGN(const auto letters, FindLetters(context.transaction, model.name, ids));
  Faults faults;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto letter = letters.find(ids[i]);
    if (letter == letters.end())
      faults.push_back({IdPointer(i), "not-found", "the model has no dead letter of this id"});
    else if (!letter->second.whole)
      faults.push_back(
          {IdPointer(i), "not-allowed", "cannot be tried again: " + WhyNot(letter->second.cause)});
  }
  if (!faults.empty()) return Invalid(std::move(faults));
  return {};
}

}  // namespace

Judged<Answer> ReplayDeadLetters(Context& context) {
  OR_ASSIGN(const ModelRow model, ExistingModel(context, RowLock::kUpdate));
  OR_RETURN_IF_ERROR(CheckTakesReplays(model));
  OR_ASSIGN(const Json body, ReadBody(context));
  OR_ASSIGN(const auto ids, ReadReplay(body));
  if (ids) OR_RETURN_IF_ERROR(CheckLetters(context, model, *ids));
  OR_ASSIGN(const Enqueued enqueued, EnqueueReplays(context.transaction, context.caller.tenant,
                                                    model.name, model.deployment, ids));
  return Answer{
      .status = 202, .body = Dump(Json{{"replayed", enqueued.letters}, {"more", enqueued.more}}
           )
  };
}

}  // namespace outrigger::model_api
