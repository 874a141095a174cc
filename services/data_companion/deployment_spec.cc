// SPDX-License-Identifier: Apache-2.0
#include "data_companion/deployment_spec.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::companion {
namespace {

using Json = nlohmann::json;
using scoring::Alignment;
using scoring::ValueType;

constexpr std::size_t kMaxSpecBytes = 2U << 20;

Millis Ms(const Json& object, const char* key, Millis fallback) {
  const auto found = object.find(key);
  return found == object.end() ? fallback : Millis(found->get<std::int64_t>());
}

void ReadModel(const Json& model, DeploymentSpec& spec) {
  spec.score_path = model.at("scoreEndpoint").get<std::string>();
  spec.health_path = model.at("healthCheckEndpoint").get<std::string>();
  if (const auto path = model.find("assetEventsEndpoint"); path != model.end() && path->is_string())
    spec.asset_events_path = path->get<std::string>();
  spec.score_timeout = Ms(model, "timeout", spec.score_timeout);
  spec.stateful = model.value("stateful", true);
  spec.replicas = model.value("replicas", 1);
  if (const auto retry = model.find("retry"); retry != model.end() && retry->is_object()) {
    spec.tries = retry->value("tries", spec.tries);
    spec.max_backoff = Ms(*retry, "maxBackoff", spec.max_backoff);
  }
  if (const auto health = model.find("health"); health != model.end() && health->is_object()) {
    spec.health_interval = Ms(*health, "interval", spec.health_interval);
    spec.health_timeout = Ms(*health, "timeout", spec.health_timeout);
    spec.health_failures = health->value("failures", spec.health_failures);
  }
}

ValueType TypeOf(const std::string& name) {
  if (name == "string") return ValueType::kString;
  return name == "boolean" ? ValueType::kBoolean : ValueType::kNumber;
}

void ReadColumns(const Json& document, DeploymentSpec& spec) {
  const Json& manifest = document.at("manifest");
  for (const Json& input : manifest.at("inputs"))
    spec.inputs.push_back(
        {input.at("dataColumnName").get<std::string>(), input.value("readAsString", false)});
  const Json& types = document.at("outputs");
  for (const Json& output : manifest.at("outputs")) {
    const auto name = output.at("dataColumnName").get<std::string>();
    const bool text = output.value("readAsString", false);
    const auto type = types.find(name);
    spec.outputs.push_back({name, text ? ValueType::kString
                                  : type == types.end()
                                      ? ValueType::kNumber
                                      : TypeOf(type->at("type").get<std::string>())});
  }
}

Result<> ReadTrigger(const Json& trigger, DeploymentSpec& spec) {
  if (trigger.at("type") != "REAL_TIME")
    return Error(ErrorCode::kInvalidArgument,
                 "trigger " + trigger.at("type").get<std::string>() + " is not run here");
  spec.lateness = Ms(trigger, "allowedLateness", Millis(0));
  const std::string alignment = trigger.value("alignment", "latest");
  if (alignment == "exact") spec.alignment = Alignment::kExact;
  if (alignment == "union") spec.alignment = Alignment::kUnion;
  return {};
}

}  // namespace

Result<DeploymentSpec> ParseSpec(std::string_view json) {
  OR_ASSIGN(const Json document, ParseJsonOr(json, {.bytes = kMaxSpecBytes, .depth = 40}));
  DeploymentSpec spec;
  try {
    spec.tenant = TenantId(document.at("tenant").get<std::string>());
    spec.deployment = DeploymentId(document.at("deployment").get<std::string>());
    spec.model = ModelName(document.at("model").get<std::string>());
    spec.version = document.value("version", "1");
    if (const auto digest = document.find("digest");
        digest != document.end() && digest->is_string())
      spec.digest = digest->get<std::string>();
    spec.feed_topic = document.at("feed").at("topic").get<std::string>();
    spec.feed_partitions = document.at("feed").at("partitions").get<int>();
    const Json& manifest = document.at("manifest");
    if (const auto type = manifest.at("model").at("type"); type != "http")
      return Error(ErrorCode::kInvalidArgument,
                   "model type " + type.get<std::string>() + " is not run here");
    ReadModel(manifest.at("model"), spec);
    OR_RETURN_IF_ERROR(ReadTrigger(manifest.at("trigger"), spec));
    ReadColumns(document, spec);
  } catch (const Json::exception& error) {
    return Error(ErrorCode::kCorrupt, std::string("specification: ") + error.what());
  }
  if (spec.feed_partitions < 1 || spec.inputs.empty() || spec.outputs.empty())
    return Error(ErrorCode::kCorrupt, "specification without partitions, inputs or outputs");
  return spec;
}

Result<DesiredState> ParseState(std::string_view json, std::int64_t revision) {
  OR_ASSIGN(const Json document, ParseJsonOr(json));
  DesiredState state;
  state.revision = revision;
  try {
    const auto desired = document.at("desired").get<std::string>();
    if (desired == "run")
      state.desired = Desired::kRun;
    else if (desired == "drain")
      state.desired = Desired::kDrain;
    else if (desired == "stop")
      state.desired = Desired::kStop;
    else if (desired != "pause")
      return Error(ErrorCode::kCorrupt, "unknown desired state " + desired);
    state.endpoint = document.value("endpoint", "");
  } catch (const Json::exception& error) {
    return Error(ErrorCode::kCorrupt, std::string("state: ") + error.what());
  }
  return state;
}

}  // namespace outrigger::companion
