// SPDX-License-Identifier: Apache-2.0
#include "model_api/openapi.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "model_api/schemas.h"
#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

Json Reference(std::string_view schema) {
  return {
      {"$ref", "#/components/schemas/" + std::string(schema)}
  };
}

// The names in braces of a pattern, in order.
std::vector<std::string> PathParameters(std::string_view pattern) {
  std::vector<std::string> names;
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    names.emplace_back(pattern.substr(open + 1, pattern.find('}', open) - open - 1));
  }
  return names;
}

// "PUT /api/v1/models/{name}/mappings" → "putModelsMappings", with "ByName" where the path ends in
// a parameter.
std::string OperationId(const ApiRoute& route) {
  std::string id;
  for (const char c : route.method) {
    id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  bool upper = true;
  const std::string_view path = route.pattern.substr(std::string_view("/api/v1").size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '{') {
      const bool last = path.find('}', i) + 1 == path.size();
      const std::size_t close = path.find('}', i);
      if (last) {
        id += "By";
      } else {
        i = close;
      }
      upper = true;
    } else if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
    } else {
      id += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  return id;
}

Json Parameters(const ApiRoute& route) {
  Json parameters = Json::array();
  for (const std::string& name : PathParameters(route.pattern)) {
    parameters.push_back({
        {"name",     name                },
        {"in",       "path"              },
        {"required", true                },
        {"schema",   {{"type", "string"}}}
    });
  }
  for (const QueryParameter& query : route.query) {
    parameters.push_back({
        {"name",        query.name            },
        {"in",          "query"               },
        {"required",    false                 },
        {"description", query.help            },
        {"schema",      {{"type", query.type}}}
    });
  }
  const auto header = [&](std::string_view name, std::string_view help) {
    parameters.push_back({
        {"name",        name                },
        {"in",          "header"            },
        {"required",    false               },
        {"description", help                },
        {"schema",      {{"type", "string"}}}
    });
  };
  if (route.keyed) header("Idempotency-Key", "kept 24 h: same key and body, same answer");
  if (route.method == "PUT" || route.method == "DELETE") {
    header("If-Match", "when given, it must name the current ETag (412)");
  }
  return parameters;
}

Json Body(const ApiRoute& route) {
  Json content = {
      {"application/json", {{"schema", Reference(route.request)}}}
  };
  if (route.request == "Manifest") {
    content["application/yaml"] = {
        {"schema", Reference(route.request)}
    };
  }
  return {
      {"required", true              },
      {"content",  std::move(content)}
  };
}

Json AnswerSchema(const ApiRoute& route) {
  if (!route.list) return Reference(route.answer);
  return {
      {"type",       "object"                                                          },
      {"required",   {"items"}                                                         },
      {"properties",
       {{"items", {{"type", "array"}, {"items", Reference(route.answer)}}},
        {"continue", {{"type", "string"}, {"description", "absent on the last page"}}}}}
  };
}

Json Responses(const ApiRoute& route) {
  Json responses = Json::object();
  if (route.status >= 200 && route.status < 300) {
    Json success = {
        {"description", route.summary}
    };
    if (!route.answer.empty()) {
      success["content"] = {
          {"application/json", {{"schema", AnswerSchema(route)}}}
      };
    }
    responses[std::to_string(route.status)] = std::move(success);
    if (route.status == 201 || !route.query.empty()) {
      const bool dry =
          std::ranges::find(route.query, "dryRun", &QueryParameter::name) != route.query.end();
      if (dry && route.status != 200) {
        responses["200"] = {
            {"description", "with dryRun=true: what would be, nothing is changed"    },
            {"content",     {{"application/json", {{"schema", AnswerSchema(route)}}}}}
        };
      }
    }
  }
  responses["default"] = {
      {"description", "a refusal"                                                       },
      {"content",     {{"application/problem+json", {{"schema", Reference("Problem")}}}}}
  };
  return responses;
}

Json OperationOf(const ApiRoute& route) {
  Json operation = {
      {"operationId", OperationId(route)},
      {"summary",     route.summary     },
      {"responses",   Responses(route)  }
  };
  if (Json parameters = Parameters(route); !parameters.empty()) {
    operation["parameters"] = std::move(parameters);
  }
  if (!route.request.empty()) operation["requestBody"] = Body(route);
  if (route.open) {
    operation["security"] = Json::array();
    operation["description"] = "Needs no credential.";
  } else {
    operation["description"] = "Lowest role: " + std::string(Name(route.role)) + ".";
  }
  return operation;
}

}  // namespace

Json OpenApi(std::span<const ApiRoute> routes) {
  Json paths = Json::object();
  for (const ApiRoute& route : routes) {
    std::string method(route.method);
    std::ranges::transform(method, method.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    paths[std::string(route.pattern)][method] = OperationOf(route);
  }
  return {
      {"openapi",    "3.1.0"                                                                  },
      {"info",
       {{"title", "Outrigger model API"},
        {"version", OUTRIGGER_VERSION},
        {"description",
         "Registries, asset types, assets, manifests, mappings and the lifecycle of models."}}},
      {"security",   Json::array({Json{{"token", Json::array()}}})                            },
      {"paths",      std::move(paths)                                                         },
      {"components",
       {{"schemas", Schemas()},
        {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}           }
  };
}

const std::string& OpenApiText() {
  static const std::string text = Dump(OpenApi(RouteTable()));
  return text;
}

}  // namespace outrigger::model_api
