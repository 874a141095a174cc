// SPDX-License-Identifier: Apache-2.0
// ManifestDeployCheck: from the stored manifest and mapping to what a deployment runs.
//
// Threads:  every method may be called concurrently.
// Lifetime: the database outlives it.
#pragma once

#include "outrigger/lifecycle/plan.h"
#include "outrigger/manifest/manifest.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

class ManifestDeployCheck final : public lifecycle::DeployCheck {
 public:
  // `database` is opened with Access::kApplication.
  explicit ManifestDeployCheck(store::Database& database) : database_(database) {}
  Result<lifecycle::DeploymentPlan> Plan(const TenantId& tenant, const ModelName& model) override;

 private:
  store::Database& database_;
};

// What the manifest asks for, with the defaults of a deployment. Requires: a container.
lifecycle::DeploymentPlan PlanOf(const manifest::Manifest& manifest, std::int64_t generation);

}  // namespace outrigger::model_api
