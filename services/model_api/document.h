// SPDX-License-Identifier: Apache-2.0
// ObjectReader: takes the members of one JSON object and notes what is wrong with them, so that a
// document's faults are told all at once, each with its pointer.
//
// Threads:  belongs to one thread.
// Lifetime: the document and the list of faults must outlive the reader.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model_api/problems.h"

namespace outrigger::model_api {

enum class Need { kRequired, kOptional };

struct TextRule {
  Need need = Need::kRequired;
  std::size_t max_characters = 256;
  bool may_be_empty = false;
};

class ObjectReader {
 public:
  // Notes a fault when `value` is no object, and one for each member that is not `known`.
  ObjectReader(const nlohmann::json& value, std::string pointer,
               std::span<const std::string_view> known, Faults& faults);

  // Whether there is an object to read at all.
  bool ok() const { return object_ != nullptr; }

  // The member's value; nullopt or nullptr when it is absent (or null and optional), and when it
  // has a fault, which is noted.
  std::optional<std::string> Text(std::string_view name, const TextRule& rule = {});
  std::optional<std::string> OneOf(std::string_view name, std::span<const std::string_view> allowed,
                                   Need need = Need::kRequired);
  const nlohmann::json* Array(std::string_view name, Need need);
  const nlohmann::json* Object(std::string_view name, Need need);
  const nlohmann::json* Any(std::string_view name, Need need);

  // Notes a fault of a member.
  void Fault(std::string_view name, std::string code, std::string detail);
  std::string PointerOf(std::string_view name) const;

 private:
  const nlohmann::json* object_ = nullptr;
  std::string pointer_;
  Faults& faults_;
};

// "a string", "a number" …: what was found, for a person.
std::string_view KindOf(const nlohmann::json& value);
// The number of characters (code points) of valid UTF-8.
std::size_t Characters(std::string_view text);
// "found X; allowed are a, b, c"; with the nearest one named when there is one.
std::string FoundAndAllowed(std::string_view found, std::span<const std::string_view> allowed);

}  // namespace outrigger::model_api
