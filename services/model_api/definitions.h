// SPDX-License-Identifier: Apache-2.0
// Definitions: the named, typed values that asset types and assets consist of, so that both read
// and show them alike.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model_api/document.h"

namespace outrigger::model_api {

// An attribute (a fact about an asset) or a telemetry (what it sends).
struct Definition {
  std::string name;
  std::string type;  // number, string, boolean
  std::optional<std::string> unit;
  friend bool operator==(const Definition&, const Definition&) = default;
};
using Definitions = std::vector<Definition>;

enum class DefinitionKind { kAttribute, kTelemetry };

// Reads the optional member `name`, a list of definitions with unique names.
Definitions ReadDefinitions(ObjectReader& reader, std::string_view name, DefinitionKind kind,
                            Faults& faults);
nlohmann::json ToJson(const Definitions& definitions);
// From stored text that ToJson() wrote.
Definitions DefinitionsFrom(const std::string& stored);

// About how many bytes they have as JSON.
std::size_t Weight(const Definitions& definitions);

const Definition* Find(const Definitions& definitions, std::string_view name);

// The name of a type or asset: the member `name`, by default its id.
std::string ReadDisplayName(ObjectReader& reader, const std::string& id);
// The member `id`. `expected`: the id in the path, which the document may repeat or leave out.
std::string ReadAssetId(ObjectReader& reader, const std::optional<std::string>& expected);

}  // namespace outrigger::model_api
