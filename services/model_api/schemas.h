// SPDX-License-Identifier: Apache-2.0
// The documents of this API as JSON Schema (2020-12, the dialect of OpenAPI 3.1), so that the
// OpenAPI document and its readers know what goes in and out.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace outrigger::model_api {

// {"AssetType": {…}, …}: what components.schemas of the OpenAPI document holds.
nlohmann::json Schemas();

}  // namespace outrigger::model_api
