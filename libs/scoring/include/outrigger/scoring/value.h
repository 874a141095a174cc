// SPDX-License-Identifier: Apache-2.0
// Value: one cell of a row, so that assembly, requests and replies speak of the same thing.
//
// Threads: plain values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>

namespace outrigger::scoring {

using Value = std::variant<std::monostate, double, bool, std::string>;  // monostate: null

inline bool IsNull(const Value& value) { return value.index() == 0; }

// A cell's text for a readAsString column: numbers in shortest round-trip form, true, false.
std::string TextOf(const Value& value);

// Appends the cell as JSON. Appends a string as JSON, invalid UTF-8 replaced.
void AppendJson(std::string& out, const Value& value);
void AppendJsonString(std::string& out, std::string_view text);

nlohmann::json ToJson(const Value& value);
// Arrays and objects are no cells: nullopt.
std::optional<Value> ValueFrom(const nlohmann::json& json);

struct InputColumn {
  std::string name;
  bool read_as_string = false;
};

enum class ValueType { kNumber, kString, kBoolean };

struct OutputColumn {
  std::string name;
  ValueType type = ValueType::kNumber;
};

}  // namespace outrigger::scoring
