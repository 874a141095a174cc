// SPDX-License-Identifier: Apache-2.0
// Faults of manifests and mappings as answers: 413 too large, 400 no document, 422 all else.
#pragma once

#include <span>
#include <string>

#include "model_api/problems.h"
#include "outrigger/manifest/fault.h"

namespace outrigger::model_api {

// Whether a fault with this code means that the text is no document at all.
bool IsTextFault(std::string_view code);

Faults ToFaults(std::span<const manifest::Fault> faults);
// Requires: at least one fault.
http::Problem RefuseFaults(std::span<const manifest::Fault> faults);
// A JSON list of {"pointer", "code", "detail"}.
std::string WarningsText(std::span<const manifest::Warning> warnings);

}  // namespace outrigger::model_api
