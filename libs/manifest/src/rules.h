// SPDX-License-Identifier: Apache-2.0
// What a manifest must keep to beyond the shape of each field, so that a good one can be run as it
// stands.
//
// Threads:  pure functions.
// See also: fields.h (each field by itself)
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "outrigger/manifest/manifest.h"
#include "shape.h"

namespace outrigger::manifest {

// Rules over several members. A rule is silent where a member that it needs is itself faulty.
void CheckRules(const nlohmann::json& document, FaultList& faults);

// Of a document without faults.
std::vector<Warning> WarningsOf(const nlohmann::json& document);

// The values of a document without faults, every default filled in.
Manifest Fill(const nlohmann::json& document);

}  // namespace outrigger::manifest
