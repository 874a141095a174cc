// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <utility>

#include "model_api/etag.h"
#include "model_api/handlers.h"
#include "model_api/manifest_faults.h"
#include "model_api/model_document.h"
#include "model_api/problems.h"
#include "outrigger/base/json.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/manifest/manifest.h"

namespace outrigger::model_api {
namespace {

using lifecycle::Action;
using Json = nlohmann::json;

// A refusal of the state graph: 409 with the state and what is legal, 501 where it would be legal.
http::Problem FromLifecycle(const Error& error) {
  if (error.code() == ErrorCode::kInvalidArgument &&
      error.hint() == lifecycle::Lifecycle::kNotBuilt) {
    return NotBuilt(error.message());
  }
  if (error.code() == ErrorCode::kConflict) return StateConflict(error.message(), error.hint());
  return http::ProblemFrom(error);
}

Judged<> CheckState(const ModelRow& model, Action action) {
  const auto state = lifecycle::StateFrom(model.state);
  if (!state) return Error(ErrorCode::kCorrupt, "the state " + model.state + " is unknown");
  const auto verdict = lifecycle::Judge(*state, action).verdict;
  if (verdict == lifecycle::Judgement::Verdict::kConflict ||
      verdict == lifecycle::Judgement::Verdict::kNotBuilt) {
    return FromLifecycle(lifecycle::Refusal(*state, action));
  }
  return {};
}

// What keeps a model in DRAFT from being deployed at all, told at once and not by a failed saga.
Judged<> CheckDeployable(const ModelRow& model) {
  if (model.state != lifecycle::Name(lifecycle::State::kDraft)) return {};
  const auto outcome = manifest::ParseManifest(Json::parse(model.manifest, nullptr, false));
  if (!outcome.manifest) {
    return Error(ErrorCode::kCorrupt, "the stored manifest of " + model.name + " has faults");
  }
  const auto faults = manifest::Unsupported(*outcome.manifest);
  if (!faults.empty()) return Unsupported(ToFaults(faults));
  if (!model.mappings) {
    return Invalid({
        {"/mappings", "missing", "the model is not mapped: PUT its mappings first"}
    });
  }
  return {};
}

Answer Accepted(const OperationId& operation) {
  Answer answer{
      .status = 202, .body = Dump(Json{{"operation", operation.str()}}
           )
  };
  answer.headers.emplace_back("Location", "/api/v1/operations/" + operation.str());
  return answer;
}

// The lifecycle commits in a transaction of its own: no lock of ours may be held here.
Judged<Answer> Ask(Context& context, Action action) {
  OR_ASSIGN(const ModelRow model, ExistingModel(context, RowLock::kNone));
  OR_RETURN_IF_ERROR(CheckState(model, action));
  if (context.request.method == "DELETE") {
    OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfModel(model)));
  }
  OR_RETURN_IF_ERROR(ReadNoBody(context));
  if (action == Action::kDeploy) OR_RETURN_IF_ERROR(CheckDeployable(model));
  const auto operation = context.api.lifecycle.Request(context.caller.tenant, ModelName(model.name),
                                                       action, {context.caller.token, "", ""});
  if (!operation) return FromLifecycle(operation.error());
  return Accepted(*operation);
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

Judged<Answer> DeployModel(Context& context) { return Ask(context, Action::kDeploy); }
Judged<Answer> WithdrawModel(Context& context) { return Ask(context, Action::kWithdraw); }
Judged<Answer> HaltModel(Context& context) { return Ask(context, Action::kHalt); }
Judged<Answer> ResumeModel(Context& context) { return Ask(context, Action::kResume); }
Judged<Answer> RemoveModel(Context& context) { return Ask(context, Action::kRemove); }

Judged<Answer> GetOperation(Context& context) {
  OR_ASSIGN(const lifecycle::Operation operation,
            context.api.lifecycle.Read(context.caller.tenant, OperationId(context.Param("id"))));
  Json steps = Json::array();
  for (const lifecycle::StepRecord& step : operation.steps) {
    steps.push_back({
        {"name",   step.name             },
        {"status", Name(step.status)     },
        {"tries",  step.tries            },
        {"error",  TextOrNull(step.error)}
    });
  }
  Answer answer{
      .body = Dump(Json{{"id", operation.id.str()},
                        {"kind", Name(operation.kind)},
                        {"model", operation.model.str()},
                        {"status", Name(operation.status)},
                        {"steps", std::move(steps)},
                        {"error", TextOrNull(operation.error)}}
        )
  };
  // What was asked for never changes; how far it got is status, and status changes no tag.
  answer.headers.emplace_back("ETag", EtagOf("operation/" + operation.id.str()));
  return answer;
}

}  // namespace outrigger::model_api
