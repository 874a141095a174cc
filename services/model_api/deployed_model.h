// SPDX-License-Identifier: Apache-2.0
// DeployedModel: manifest and mapping of a deployment as they are stored, checked anew, so that the
// pusher's route and the companion's spec are made from the same truth.
//
// Threads:  pure functions on what they are given.
// See also: docs/formats/catalog.md (routes), docs/formats/control.md (specs)
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "outrigger/lifecycle/engine.h"
#include "outrigger/manifest/mapping.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

struct DeployedModel {
  manifest::Manifest manifest;
  manifest::Mapping mapping;
  std::string digest;  // of the image
};

// `definitions`: assets and types as the transaction's tenant sees them.
// Errors: kNotFound - the model or its deployment is gone; kConflict - it has no mapping, or one
// that fits no more; kCorrupt - what is stored breaks its format.
Result<DeployedModel> LoadDeployed(store::Transaction& transaction,
                                   const lifecycle::Workload& workload,
                                   manifest::DefinitionSource& definitions);

// How large the sides of a route may be as JSON: far below what a record may hold.
inline constexpr std::size_t kRouteBytes = 8 << 20;
// Adds the sides of a checked mapping to a route.
void AddSides(nlohmann::json& route, const manifest::Mapping& mapping);

// What each output's telemetry holds, by column, of a checked mapping: a boolean telemetry takes
// booleans, whether or not there is an asset yet.
std::map<std::string, manifest::TelemetryType> OutputTypes(const manifest::Mapping& mapping);

}  // namespace outrigger::model_api
