// SPDX-License-Identifier: Apache-2.0
// DeploymentSpec: what a companion must know of its deployment, as the control plane says it.
//
// Threads:  plain values.
// See also: docs/formats/control.md
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/result.h"
#include "outrigger/scoring/row_assembly.h"
#include "outrigger/scoring/value.h"

namespace outrigger::companion {

struct DeploymentSpec {
  TenantId tenant;
  DeploymentId deployment;
  ModelName model;
  std::string version;
  std::string digest;
  std::string feed_topic;
  int feed_partitions = 1;

  std::string score_path;
  std::string health_path;
  std::string asset_events_path;  // empty: the model hears of no membership
  Millis score_timeout{30'000};
  bool stateful = true;
  int tries = 5;
  Millis max_backoff{10'000};
  int replicas = 1;
  Millis health_interval{5'000};
  Millis health_timeout{2'000};
  int health_failures = 3;

  scoring::Alignment alignment = scoring::Alignment::kLatest;
  Millis lateness{0};
  std::vector<scoring::InputColumn> inputs;
  std::vector<scoring::OutputColumn> outputs;
};

// Reads the value of D/spec. Errors: kCorrupt - not of the format; kInvalidArgument - something
// this companion cannot run (the message says what).
Result<DeploymentSpec> ParseSpec(std::string_view json);

enum class Desired { kPause, kRun, kDrain, kStop };

struct DesiredState {
  Desired desired = Desired::kPause;
  std::string endpoint;  // "http://127.0.0.1:40123", empty while there is none
  std::int64_t revision = 0;
};
// Reads the value of D/state. Errors: kCorrupt.
Result<DesiredState> ParseState(std::string_view json, std::int64_t revision);

}  // namespace outrigger::companion
