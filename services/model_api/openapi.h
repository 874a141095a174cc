// SPDX-License-Identifier: Apache-2.0
// OpenAPI 3.1 of this service, made from the route table, so that it cannot tell of other routes
// than there are.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model_api/route_table.h"

namespace outrigger::model_api {

nlohmann::json OpenApi(std::span<const ApiRoute> routes);
// The document of RouteTable(), made once.
const std::string& OpenApiText();

}  // namespace outrigger::model_api
