// SPDX-License-Identifier: Apache-2.0
// From text to a document: YAML and JSON give the same values, bounded alike, so that nothing
// behind knows which it was.
//
// Threads:  pure functions.
// See also: docs/formats/manifest.md
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string_view>

#include "outrigger/base/json.h"
#include "outrigger/manifest/manifest.h"

namespace outrigger::manifest {

inline constexpr std::size_t kLargestDocument = 1 << 20;
inline constexpr int kDeepestDocument = 32;

struct TextDocument {
  nlohmann::json root;
  JsonPositions positions;
};

// JSON with comments, or one YAML document by the YAML 1.2 core schema without anchors, aliases and
// tags. At most kLargestDocument bytes and `depth` levels. Returns the document, or the first
// fault.
std::expected<TextDocument, JsonFault> ReadText(std::string_view text, Format format, int depth);

// The YAML half of it.
std::expected<TextDocument, JsonFault> ReadYaml(std::string_view text, int depth);

// Nested arrays and objects, the outermost counted.
int DepthOf(const nlohmann::json& document);

}  // namespace outrigger::manifest
