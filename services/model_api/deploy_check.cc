// SPDX-License-Identifier: Apache-2.0
#include "model_api/deploy_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model_api/mapped_models.h"
#include "model_api/model_store.h"
#include "outrigger/manifest/mapping.h"

namespace outrigger::model_api {
namespace {

constexpr std::int64_t kDefaultCpuMillis = 500;
constexpr std::int64_t kDefaultMemoryBytes = 256LL << 20;
constexpr Millis kDay{86'400'000};

Error Refused(std::string_view what, const std::vector<manifest::Fault>& faults) {
  std::string message(what);
  for (const manifest::Fault& fault : faults) message += "; " + fault.pointer + ": " + fault.detail;
  return {ErrorCode::kInvalidArgument, std::move(message), "mend it in DRAFT, then deploy again"};
}

Result<lifecycle::DeploymentPlan> Check(store::Transaction& transaction, const ModelName& name) {
  OR_ASSIGN(const auto model, FindModel(transaction, name.str(), RowLock::kNone));
  if (!model) return Error(ErrorCode::kNotFound, "there is no model " + name.str());
  const auto parsed =
      manifest::ParseManifest(nlohmann::json::parse(model->manifest, nullptr, false));
  if (!parsed.manifest) return Refused("the manifest has faults", parsed.faults);
  const manifest::Manifest& manifest = *parsed.manifest;
  if (auto faults = manifest::Unsupported(manifest); !faults.empty()) {
    return Refused("this build cannot run it", faults);
  }
  if (!model->mappings) return Error(ErrorCode::kInvalidArgument, "the model is not mapped");
  auto mapping =
      manifest::ParseMapping(nlohmann::json::parse(*model->mappings, nullptr, false), manifest);
  StoredDefinitions definitions(transaction);
  OR_ASSIGN(auto faults, manifest::CheckMapping(mapping.mapping, manifest, definitions));
  faults.insert(faults.begin(), mapping.faults.begin(), mapping.faults.end());
  if (!faults.empty()) return Refused("the mapping has faults", faults);
  return PlanOf(manifest, model->generation);
}

}  // namespace

lifecycle::DeploymentPlan PlanOf(const manifest::Manifest& manifest, std::int64_t generation) {
  const manifest::ModelSpec& model = manifest.model;
  lifecycle::DeploymentPlan plan;
  if (model.container) {
    plan.start.image = {model.container->image, model.container->tag, model.container->digest};
  }
  plan.start.env = model.env;
  plan.start.cpu_millis = model.resources.cpu_millis.value_or(kDefaultCpuMillis);
  plan.start.memory_bytes = model.resources.memory_bytes.value_or(kDefaultMemoryBytes);
  plan.generation = generation;
  plan.partitions = model.replicas;
  plan.feed_retention =
      kDay + manifest.trigger.time_window_size + manifest.trigger.allowed_lateness;
  plan.health_interval = model.health.interval;
  plan.health_failures = model.health.failures;
  plan.start_timeout = model.health.start_timeout;
  plan.tries = model.health.tries;
  plan.quiet = model.health.quiet;
  return plan;
}

Result<lifecycle::DeploymentPlan> ManifestDeployCheck::Plan(const TenantId& tenant,
                                                            const ModelName& model) {
  return database_.Run(tenant,
                       [&](store::Transaction& transaction) { return Check(transaction, model); });
}

}  // namespace outrigger::model_api
