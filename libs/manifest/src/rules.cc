// SPDX-License-Identifier: Apache-2.0
#include "rules.h"

#include <nlohmann/json.hpp>
#include <set>

#include "fields.h"
#include "grammar.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;

// Reads members of a document that may be faulty anywhere.
class Look {
 public:
  explicit Look(const Json& document) : document_(document) {}

  const Json* At(std::string_view pointer) const {
    const Json* at = &document_;
    while (!pointer.empty()) {
      pointer.remove_prefix(1);
      const auto end = std::min(pointer.find('/'), pointer.size());
      if (!at->is_object()) return nullptr;
      const auto found = at->find(pointer.substr(0, end));
      if (found == at->end()) return nullptr;
      at = &*found;
      pointer.remove_prefix(end);
    }
    return at;
  }
  bool Has(std::string_view pointer) const { return At(pointer) != nullptr; }

  // Empty when it is no text.
  std::string_view Text(std::string_view pointer) const {
    const Json* found = At(pointer);
    return found && found->is_string() ? std::string_view(found->get_ref<const std::string&>())
                                       : std::string_view();
  }
  std::optional<std::int64_t> Whole(std::string_view pointer) const {
    const Json* found = At(pointer);
    if (!found || !found->is_number_integer()) return std::nullopt;
    return found->get<std::int64_t>();
  }

 private:
  const Json& document_;
};

void CheckEndpoints(const Look& look, FaultList& faults) {
  if (!look.Has("/model") || !look.At("/model")->is_object()) return;
  const std::string_view type = look.Text("/model/type");
  if (const Json* endpoint = look.At("/model/scoreEndpoint"); endpoint && endpoint->is_string()) {
    const Grammar grammar = type == "amqp"        ? QueueText
                            : type == "kserve-v2" ? InferPathText
                                                  : PathText;
    const std::string_view text = look.Text("/model/scoreEndpoint");
    if (const auto allowed = grammar(text))
      faults.MustBe("/model/scoreEndpoint", "format", *allowed, Quoted(text));
  }
  if (type != "kserve-v2" && !look.Has("/model/healthCheckEndpoint"))
    faults.Missing("/model/healthCheckEndpoint", *PathText(""));
  if (look.Has("/model/async") && (type == "amqp" || type == "kserve-v2"))
    faults.Add("/model/async", "combination",
               "\"async\" is for models of type \"http\" only; this one is " + Quoted(type));
}

void CheckHosting(const Look& look, FaultList& faults) {
  const std::string_view hosted = look.Text("/model/hosted");
  if (hosted == "internal" && !look.Has("/model/container"))
    faults.Missing("/model/container", "an object with the image of an internal model");
  if (hosted == "external" && !look.Has("/model/container") && !look.Has("/model/externalUrl"))
    faults.Missing("/model/externalUrl", *HttpUrlText(""),
                   "An external model needs it, or a container that is its proxy.");
}

void CheckRegistry(const Look& look, FaultList& faults) {
  const std::string at = "/model/container/customRegistry";
  const Json* registry = look.At(at);
  if (!registry || !registry->is_object()) return;
  if (registry->contains("name")) {
    for (const std::string_view other : {"registry", "username", "password"}) {
      if (registry->contains(other))
        faults.Add(
            PointerTo(at, other), "combination",
            Quoted(other) + " cannot stand beside \"name\", which refers to a stored registry");
    }
    return;
  }
  if (!registry->contains("registry"))
    faults.Missing(at + "/registry", *RegistryText(""), "Or give the name of a stored registry.");
  if (registry->contains("username") != registry->contains("password"))
    faults.Missing(at + (registry->contains("username") ? "/password" : "/username"), "text",
                   "User name and password go together.");
}

void CheckTrigger(const Look& look, FaultList& faults) {
  if (look.Text("/trigger/type") == "TIME_WINDOW") {
    for (const std::string_view name : {"frequency", "timeWindowSize"}) {
      const std::string pointer = PointerTo("/trigger", name);
      const Shape& trigger = *ManifestShape().Find("trigger")->shape;
      if (!look.Has(pointer))
        faults.Missing(pointer, Allowed(*trigger.Find(name)), "A TIME_WINDOW trigger needs it.");
    }
  }
  const auto frequency = look.Whole("/trigger/frequency");
  const auto size = look.Whole("/trigger/timeWindowSize");
  if (!frequency || !size || *frequency < 1 || *size < 1 || *size > kMonthMs) return;
  if (*size / kMostPanes > *frequency ||
      (*size / kMostPanes == *frequency && *size % kMostPanes != 0))
    faults.MustBe("/trigger/timeWindowSize", "range",
                  "at most 10000 times the frequency of " + std::to_string(*frequency) + " ms",
                  "the number " + std::to_string(*size));
}

void CheckUnique(const Look& look, std::string_view list, FaultList& faults) {
  const std::string pointer = PointerTo("", list);
  const Json* columns = look.At(pointer);
  if (!columns || !columns->is_array()) return;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < columns->size(); ++i) {
    const std::string_view name = Look((*columns)[i]).Text("/dataColumnName");
    if (!name.empty() && !seen.insert(name).second)
      faults.Add(PointerTo(pointer, i) + "/dataColumnName", "duplicate",
                 "The column " + Quoted(name) + " is there twice in " + Quoted(list));
  }
}

}  // namespace

void CheckRules(const Json& document, FaultList& faults) {
  const Look look(document);
  CheckEndpoints(look, faults);
  CheckHosting(look, faults);
  CheckRegistry(look, faults);
  CheckTrigger(look, faults);
  CheckUnique(look, "inputs", faults);
  CheckUnique(look, "outputs", faults);
}

std::vector<Warning> WarningsOf(const Json& document) {
  const Look look(document);
  std::vector<Warning> warnings;
  const auto unused = [&](std::string_view pointer, bool when, std::string_view why) {
    if (when && look.Has(pointer))
      warnings.push_back({std::string(pointer), "unused",
                          Quoted(pointer.substr(pointer.rfind('/') + 1)) +
                              " is accepted and not used: " + std::string(why)});
  };
  const bool tagged = look.Has("/model/container/tag");
  if (look.Has("/model/container") && !look.Has("/model/container/digest") &&
      (!tagged || look.Text("/model/container/tag") == "latest"))
    warnings.push_back(
        {"/model/container/tag", "mutable-tag",
         std::string("The tag is \"latest\"") + (tagged ? "" : " by default") +
             ": each deploy may run another image. A version or a digest is safer."});
  const bool real_time = look.Text("/trigger/type") == "REAL_TIME";
  for (const std::string_view name : {"frequency", "timeWindowSize", "backfill"})
    unused(PointerTo("/trigger", name), real_time,
           "a REAL_TIME trigger scores each row as it comes.");
  unused("/model/v2", look.Text("/model/type") != "kserve-v2",
         "it is for models of type kserve-v2.");
  unused("/model/externalUrl", look.Text("/model/hosted") == "internal",
         "the model is hosted internally.");
  if (look.Has("/model/artifact") && !look.Has("/model/artifact/sha256"))
    warnings.push_back({"/model/artifact/sha256", "no-digest",
                        "The artifact has no sha256: it can change without notice."});
  return warnings;
}

}  // namespace outrigger::manifest
