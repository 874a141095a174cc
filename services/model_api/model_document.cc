// SPDX-License-Identifier: Apache-2.0
#include "model_api/model_document.h"

#include <nlohmann/json.hpp>

#include "model_api/etag.h"
#include "model_api/problems.h"
#include "outrigger/base/clock.h"
#include "outrigger/base/json.h"
#include "outrigger/lifecycle/states.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;
using lifecycle::CompanionPhase;
using lifecycle::CompanionStatus;

Json Parsed(const std::string& text) { return Json::parse(text, nullptr, false); }

std::string_view PhaseReason(CompanionPhase phase) {
  switch (phase) {
    case CompanionPhase::kPaused:
      return "Paused";
    case CompanionPhase::kRunning:
      return "Running";
    case CompanionPhase::kDrained:
      return "Drained";
    case CompanionPhase::kStopped:
      return "Stopped";
    case CompanionPhase::kUnknown:
      break;
  }
  return "NotReported";
}

Json Condition(std::string_view type, bool holds, std::string_view reason, std::string message,
               std::int64_t since_ms) {
  return {
      {"type",               type                    },
      {"status",             holds ? "True" : "False"},
      {"reason",             reason                  },
      {"message",            std::move(message)      },
      {"lastTransitionTime", FormatTime(since_ms)    }
  };
}

Json Conditions(const ModelRow& model, const CompanionStatus& companion) {
  Json conditions = Json::array();
  conditions.push_back(Condition("CompanionReady",
                                 companion.current && companion.phase == CompanionPhase::kRunning,
                                 PhaseReason(companion.phase), "", model.since_ms));
  const bool healthy = companion.health == "HEALTHY";
  conditions.push_back(Condition("ModelHealthy", healthy,
                                 healthy                           ? "Healthy"
                                 : companion.health == "UNHEALTHY" ? "Unhealthy"
                                                                   : "Unknown",
                                 healthy ? "" : companion.health_detail, model.since_ms));
  return conditions;
}

}  // namespace

Json ModelDocument(const ModelRow& model, const std::optional<CompanionStatus>& companion) {
  const CompanionStatus word = companion.value_or(CompanionStatus{});
  Json health = {
      {"status",    word.health.empty() ? "UNKNOWN" : word.health},
      {"checkedAt", nullptr                                      },
      {"failures",  word.failures                                }
  };
  if (word.health_at != 0) health["checkedAt"] = FormatTime(word.health_at);
  Json status = {
      {"state",              model.state               },
      {"reason",             model.reason              },
      {"message",            model.message             },
      {"since",              FormatTime(model.since_ms)},
      {"observedGeneration", model.observed_generation },
      {"assets",             model.assets              },
      {"deployment",         nullptr                   },
      {"lag",                word.lag                  },
      {"lateSamples",        word.late_samples         },
      {"deadLetters",        word.dead_letters         },
      {"health",             std::move(health)         },
      {"conditions",         Json::array()             }
  };
  if (!model.deployment.empty()) {
    status["deployment"] = model.deployment;
    status["conditions"] = Conditions(model, word);
  }
  return {
      {"name",       model.name                                       },
      {"version",    model.version                                    },
      {"generation", model.generation                                 },
      {"manifest",   Parsed(model.manifest)                           },
      {"mappings",   model.mappings ? Parsed(*model.mappings) : Json()},
      {"warnings",   Parsed(model.warnings)                           },
      {"status",     std::move(status)                                }
  };
}

std::string EtagOfModel(const ModelRow& model) {
  return EtagOf(model.uid + "/" + std::to_string(model.generation));
}

Json ModelDocument(Context& context, const ModelRow& model) {
  if (model.deployment.empty()) return ModelDocument(model, std::nullopt);
  return ModelDocument(
      model, context.api.companions.Status(
                 {context.caller.tenant, ModelName(model.name), DeploymentId(model.deployment)}));
}

Answer ModelAnswer(Context& context, int status, const ModelRow& model) {
  Answer answer{.status = status, .body = Dump(ModelDocument(context, model))};
  answer.headers.emplace_back("ETag", EtagOfModel(model));
  return answer;
}

Judged<ModelRow> ExistingModel(Context& context, RowLock lock) {
  OR_ASSIGN(auto model, FindModel(context.transaction, context.Param("name"), lock));
  if (!model) return Missing();
  return *std::move(model);
}

Judged<ModelRow> DraftModel(Context& context, std::string_view action) {
  OR_ASSIGN(ModelRow model, ExistingModel(context, RowLock::kUpdate));
  if (model.state == lifecycle::Name(lifecycle::State::kDraft)) return model;
  const auto state = lifecycle::StateFrom(model.state);
  return StateConflict(
      std::string(action) + " needs the model in DRAFT; it is " + model.state,
      state ? "legal now: " + lifecycle::LegalRequests(*state) : "read the model again");
}

}  // namespace outrigger::model_api
