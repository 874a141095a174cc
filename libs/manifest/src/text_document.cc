// SPDX-License-Identifier: Apache-2.0
#include "text_document.h"

#include <algorithm>

namespace outrigger::manifest {

std::expected<TextDocument, JsonFault> ReadText(std::string_view text, Format format, int depth) {
  if (format == Format::kYaml) return ReadYaml(text, depth);
  TextDocument document;
  auto parsed = ParseJson(text, {.bytes = kLargestDocument, .depth = depth, .comments = true},
                          &document.positions);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  document.root = std::move(*parsed);
  return document;
}

int DepthOf(const nlohmann::json& document) {
  if (!document.is_structured()) return 0;
  int deepest = 0;
  for (const auto& element : document) deepest = std::max(deepest, DepthOf(element));
  return deepest + 1;
}

}  // namespace outrigger::manifest
