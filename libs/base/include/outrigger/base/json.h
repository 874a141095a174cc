// SPDX-License-Identifier: Apache-2.0
// Strict JSON: RFC 8259 with bounds, so that no document of a stranger can surprise a parser.
//
// Threads:  pure functions.
// See also: docs/formats/json.md
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "outrigger/base/result.h"

namespace outrigger {

struct TextPosition {
  std::size_t line = 0;    // from 1; 0: unknown
  std::size_t column = 0;  // from 1, in bytes
};

struct JsonLimits {
  std::size_t bytes = 1 << 20;
  int depth = 32;         // nested arrays and objects
  bool comments = false;  // accept // and /* */ between tokens
};

// One fault of a document.
struct JsonFault {
  std::string pointer;  // RFC 6901; "" is the whole document
  std::string code;     // syntax, duplicate-key, too-deep, too-large, encoding, number-range
  std::string detail;   // for a person, with line and column where known
  TextPosition at;
};

// Where each member and element begins, by pointer.
using JsonPositions = std::map<std::string, TextPosition, std::less<>>;

// Parses `text`: valid UTF-8 without NUL (raw or as \u0000) and lone surrogates, no duplicate keys,
// numbers that fit a 64-bit integer or a finite double. `positions`, when given, receives the
// position of every value. Returns the document, or the first fault.
std::expected<nlohmann::json, JsonFault> ParseJson(std::string_view text,
                                                   const JsonLimits& limits = {},
                                                   JsonPositions* positions = nullptr);

// The same where a fault's pointer has no reader: kInvalidArgument with the fault's detail.
Result<nlohmann::json> ParseJsonOr(std::string_view text, const JsonLimits& limits = {});

bool IsValidUtf8(std::string_view text);

// Appends `token` to a JSON Pointer, escaped.
std::string PointerTo(std::string_view pointer, std::string_view token);
std::string PointerTo(std::string_view pointer, std::size_t index);

// Shortest text that reads back as the same double (std::to_chars); what a readAsString column
// holds.
std::string NumberText(double value);

// Serialised with invalid UTF-8 replaced: never throws.
std::string Dump(const nlohmann::json& document);

}  // namespace outrigger
