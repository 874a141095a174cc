// SPDX-License-Identifier: Apache-2.0
// DeploymentPlan: what a deployment was resolved to, kept with it, so that a restart months later
// starts the same thing and no step reads a manifest.
//
// Threads:  plain values.
// Durable:  deployment.spec, as JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "outrigger/base/clock.h"
#include "outrigger/lifecycle/engine.h"

namespace outrigger::lifecycle {

struct DeploymentPlan {
  StartSpec start;              // its digest is filled in by the step resolve_image
  std::string endpoint;         // of the last start; filled in by start_model
  std::int64_t started_at = 0;  // of that start, Unix ms: older health is not its
  std::int64_t generation = 0;  // of the model's desired state that this plan was made from
  int partitions = 1;           // of the feed
  Millis feed_retention{86'400'000};
  // model.health of the manifest.
  Millis health_interval{5'000};
  int health_failures = 3;
  Millis start_timeout{30'000};
  int tries = 3;
  Millis quiet{60'000};
};

std::string ToJson(const DeploymentPlan& plan);
// Errors: kCorrupt.
Result<DeploymentPlan> PlanFromJson(std::string_view json);

// What a deploy asks before anything is made.
class DeployCheck {
 public:
  virtual ~DeployCheck() = default;
  // Checks a model's manifest, mapping and quota once more, and says what to run. Its errors fail
  // the deploy. Idempotent. Errors: kInvalidArgument - what is wrong, for a person; kUnavailable -
  // tried again.
  virtual Result<DeploymentPlan> Plan(const TenantId& tenant, const ModelName& model) = 0;
};

}  // namespace outrigger::lifecycle
