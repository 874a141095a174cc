// SPDX-License-Identifier: Apache-2.0
// Documents that the tests of manifests and mappings start from.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "outrigger/manifest/manifest.h"

namespace outrigger::manifest {

using Json = nlohmann::json;

inline Json RealTime() {
  return Json::parse(R"({
    "name": "probe", "description": "a test's model",
    "model": {"type": "http", "scoreEndpoint": "/score", "healthCheckEndpoint": "/health",
              "hosted": "internal", "container": {"image": "probe", "tag": "1"}},
    "trigger": {"type": "REAL_TIME"},
    "inputs": [{"dataColumnName": "temperature", "readAsString": false}],
    "outputs": [{"dataColumnName": "anomalyScore", "readAsString": false},
                {"dataColumnName": "warningLevel", "readAsString": true}]})");
}

inline Json Window() {
  Json document = RealTime();
  document["trigger"] = {
      {"type",           "TIME_WINDOW"},
      {"frequency",      5000         },
      {"timeWindowSize", 10000        }
  };
  return document;
}

// `document` with `value` at `pointer`, made where it is not there.
inline Json With(Json document, const std::string& pointer, Json value) {
  document[Json::json_pointer(pointer)] = std::move(value);
  return document;
}

inline Json Without(Json document, const std::string& pointer) {
  const Json::json_pointer whole(pointer);
  Json& parent = document[whole.parent_pointer()];
  if (parent.is_array())
    parent.erase(std::stoul(whole.back()));
  else
    parent.erase(whole.back());
  return document;
}

inline Json Columns(int count) {
  Json columns = Json::array();
  for (int i = 0; i < count; ++i)
    columns.push_back({
        {"dataColumnName", "c" + std::to_string(i)}
    });
  return columns;
}

// {"a":{"a": … 1}}
inline Json Nested(int levels) {
  Json document = 1;
  for (int i = 0; i < levels; ++i) {
    Json outer = Json::object();
    outer["a"] = std::move(document);
    document = std::move(outer);
  }
  return document;
}

inline std::vector<std::string> Pointers(const std::vector<Fault>& faults) {
  std::vector<std::string> pointers;
  for (const Fault& fault : faults) pointers.push_back(fault.pointer);
  return pointers;
}

inline const Fault* FindFault(const std::vector<Fault>& faults, const std::string& pointer,
                              const std::string& code) {
  for (const Fault& fault : faults) {
    if (fault.pointer == pointer && fault.code == code) return &fault;
  }
  return nullptr;
}

}  // namespace outrigger::manifest
