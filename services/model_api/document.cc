// SPDX-License-Identifier: Apache-2.0
#include "model_api/document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

std::string Quoted(std::string_view text) {
  constexpr std::size_t kShown = 64;
  std::string out = "\"";
  out += text.substr(0, kShown);
  if (text.size() > kShown) out += "…";
  return out + "\"";
}

}  // namespace

std::string_view KindOf(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "a list";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    default:
      return "a number";
  }
}

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

std::string FoundAndAllowed(std::string_view found, std::span<const std::string_view> allowed) {
  std::string text = "found " + Quoted(found) + "; allowed are ";
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::string(allowed[i]);
  }
  if (const auto near = Nearest(found, allowed)) text += "; did you mean " + std::string(*near);
  return text;
}

ObjectReader::ObjectReader(const Json& value, std::string pointer,
                           std::span<const std::string_view> known, Faults& faults)
    : pointer_(std::move(pointer)), faults_(faults) {
  if (!value.is_object()) {
    faults_.push_back(
        {pointer_, "wrong-type", "found " + std::string(KindOf(value)) + ", allowed is an object"});
    return;
  }
  object_ = &value;
  for (const auto& [name, member] : value.items()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    if (Enough(faults_)) break;
    std::string detail = "there is no field " + Quoted(name);
    if (const auto near = Nearest(name, known)) detail += "; did you mean " + std::string(*near);
    Fault(name, "unknown-field", std::move(detail));
  }
}

std::string ObjectReader::PointerOf(std::string_view name) const {
  return PointerTo(pointer_, name);
}

void ObjectReader::Fault(std::string_view name, std::string code, std::string detail) {
  if (!Enough(faults_)) faults_.push_back({PointerOf(name), std::move(code), std::move(detail)});
}

const Json* ObjectReader::Any(std::string_view name, Need need) {
  if (!object_) return nullptr;
  const auto found = object_->find(name);
  if (found == object_->end() || (found->is_null() && need == Need::kOptional)) {
    if (need == Need::kRequired) Fault(name, "missing", "the field is required");
    return nullptr;
  }
  return &*found;
}

std::optional<std::string> ObjectReader::Text(std::string_view name, const TextRule& rule) {
  const Json* value = Any(name, rule.need);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    Fault(name, "wrong-type", "found " + std::string(KindOf(*value)) + ", allowed is a string");
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  const std::size_t characters = Characters(text);
  if (characters > rule.max_characters || (characters == 0 && !rule.may_be_empty)) {
    Fault(name, "length",
          "found " + std::to_string(characters) + " characters, allowed are " +
              (rule.may_be_empty ? "0" : "1") + " to " + std::to_string(rule.max_characters));
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> ObjectReader::OneOf(std::string_view name,
                                               std::span<const std::string_view> allowed,
                                               Need need) {
  auto text = Text(name, {.need = need, .may_be_empty = true});
  if (text && std::ranges::find(allowed, *text) == allowed.end()) {
    Fault(name, "not-allowed", FoundAndAllowed(*text, allowed));
    return std::nullopt;
  }
  return text;
}

const Json* ObjectReader::Array(std::string_view name, Need need) {
  const Json* value = Any(name, need);
  if (value && !value->is_array()) {
    Fault(name, "wrong-type", "found " + std::string(KindOf(*value)) + ", allowed is a list");
    return nullptr;
  }
  return value;
}

const Json* ObjectReader::Object(std::string_view name, Need need) {
  const Json* value = Any(name, need);
  if (value && !value->is_object()) {
    Fault(name, "wrong-type", "found " + std::string(KindOf(*value)) + ", allowed is an object");
    return nullptr;
  }
  return value;
}

}  // namespace outrigger::model_api
