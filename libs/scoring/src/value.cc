// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/value.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::scoring {

std::string TextOf(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return NumberText(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return {};
}

void AppendJson(std::string& out, const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    std::array<char, 32> digits;
    out.append(digits.data(),
               std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    AppendJsonString(out, *text);
  } else {
    out += "null";
  }
}

void AppendJsonString(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\') {
      out += Dump(nlohmann::json(std::string(text)));  // rare: the careful way
      return;
    }
  }
  out += '"';
  out += text;
  out += '"';
}

nlohmann::json ToJson(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return nullptr;
}

std::optional<Value> ValueFrom(const nlohmann::json& json) {
  if (json.is_null()) return Value{};
  if (json.is_boolean()) return Value{json.get<bool>()};
  if (json.is_number()) return Value{json.get<double>()};
  if (json.is_string()) return Value{json.get<std::string>()};
  return std::nullopt;
}

}  // namespace outrigger::scoring
