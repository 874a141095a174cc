// SPDX-License-Identifier: Apache-2.0
#include "model_api/definitions.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/manifest/units.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 3> kFields = {"name", "type", "unit"};
constexpr std::array<std::string_view, 3> kTypes = {"number", "string", "boolean"};
constexpr std::size_t kMaxDefinitions = 1000;

void CheckName(ObjectReader& reader, const std::optional<std::string>& name, DefinitionKind kind) {
  if (!name) return;
  if (kind == DefinitionKind::kTelemetry && !IsTelemetryName(*name)) {
    reader.Fault("name", "bad-name", "allowed are 1 to 128 printable characters without / + #");
  }
}

std::optional<Definition> ReadDefinition(const Json& item, const std::string& pointer,
                                         DefinitionKind kind, Faults& faults) {
  ObjectReader reader(item, pointer, kFields, faults);
  if (!reader.ok()) return std::nullopt;
  auto name = reader.Text("name", {.max_characters = 128});
  CheckName(reader, name, kind);
  auto type = reader.OneOf("type", kTypes);
  auto unit = reader.Text("unit", {.need = Need::kOptional, .max_characters = 64});
  if (unit && type && *type != "number") {
    reader.Fault("unit", "not-allowed", "only a number has a unit");
  } else if (unit && !manifest::IsUnit(*unit)) {
    reader.Fault("unit", "unit",
                 "found \"" + *unit + "\", which is no UCUM code; " + manifest::UnitHint(*unit));
  }
  if (!name || !type) return std::nullopt;
  return Definition{*std::move(name), *std::move(type), std::move(unit)};
}

}  // namespace

Definitions ReadDefinitions(ObjectReader& reader, std::string_view name, DefinitionKind kind,
                            Faults& faults) {
  const Json* list = reader.Array(name, Need::kOptional);
  if (!list) return {};
  if (list->size() > kMaxDefinitions) {
    reader.Fault(name, "too-many",
                 "found " + std::to_string(list->size()) + ", allowed are " +
                     std::to_string(kMaxDefinitions));
    return {};
  }
  Definitions definitions;
  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < list->size() && !Enough(faults); ++i) {
    const std::string pointer = PointerTo(reader.PointerOf(name), i);
    auto definition = ReadDefinition((*list)[i], pointer, kind, faults);
    if (!definition) continue;
    if (!seen.insert(definition->name).second) {
      faults.push_back({PointerTo(pointer, "name"), "duplicate", "the name is there twice"});
      continue;
    }
    definitions.push_back(*std::move(definition));
  }
  return definitions;
}

Json ToJson(const Definitions& definitions) {
  Json list = Json::array();
  for (const Definition& definition : definitions) {
    Json item = {
        {"name", definition.name},
        {"type", definition.type}
    };
    if (definition.unit) item["unit"] = *definition.unit;
    list.push_back(std::move(item));
  }
  return list;
}

Definitions DefinitionsFrom(const std::string& stored) {
  Definitions definitions;
  const Json list = Json::parse(stored, nullptr, false);
  if (!list.is_array()) return definitions;
  for (const Json& item : list) {
    Definition definition{item.value("name", ""), item.value("type", ""), std::nullopt};
    if (const auto unit = item.find("unit"); unit != item.end() && unit->is_string()) {
      definition.unit = unit->get<std::string>();
    }
    definitions.push_back(std::move(definition));
  }
  return definitions;
}

std::size_t Weight(const Definitions& definitions) {
  std::size_t bytes = 0;
  for (const Definition& definition : definitions)
    bytes += definition.name.size() + definition.unit.value_or("").size() + 50;
  return bytes;
}

const Definition* Find(const Definitions& definitions, std::string_view name) {
  const auto found = std::ranges::find(definitions, name, &Definition::name);
  return found == definitions.end() ? nullptr : &*found;
}

std::string ReadDisplayName(ObjectReader& reader, const std::string& id) {
  return reader.Text("name", {.need = Need::kOptional}).value_or(id);
}

std::string ReadAssetId(ObjectReader& reader, const std::optional<std::string>& expected) {
  const Need need = expected ? Need::kOptional : Need::kRequired;
  const auto id = reader.Text("id", {.need = need, .max_characters = 128});
  if (!id) return expected.value_or("");
  if (!IsAssetId(*id)) {
    reader.Fault("id", "bad-id",
                 "allowed are 1 to 128 of A-Z a-z 0-9 . _ -, the first a letter or digit");
  } else if (expected && *id != *expected) {
    reader.Fault("id", "not-allowed",
                 "the id cannot be changed; leave it out or repeat the path's");
  }
  return *id;
}

}  // namespace outrigger::model_api
