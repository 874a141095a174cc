// SPDX-License-Identifier: Apache-2.0
#include "model_api/inventory.h"

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 4> kTypeFields = {"id", "name", "attributes", "telemetries"};
constexpr std::array<std::string_view, 5> kAssetFields = {"id", "name", "type", "attributes",
                                                          "telemetries"};

bool IsValue(const Json& value) {
  return value.is_string() || value.is_number() || value.is_boolean();
}

bool Fits(const Json& value, const std::string& type) {
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return value.is_string();
}

void CheckAttribute(const std::string& name, const Json& value, const AssetType& type,
                    const std::string& pointer, Faults& faults) {
  const Definition* definition = Find(type.attributes, name);
  if (!definition) {
    std::vector<std::string_view> names;
    for (const Definition& known : type.attributes) names.push_back(known.name);
    std::string detail = "the type " + type.id + " has no such attribute";
    if (const auto near = Nearest(name, names)) detail += "; did you mean " + std::string(*near);
    faults.push_back({pointer, "unknown-attribute", std::move(detail)});
  } else if (!Fits(value, definition->type)) {
    faults.push_back({pointer, "wrong-type",
                      "found " + std::string(KindOf(value)) + ", the type " + type.id +
                          " wants a " + definition->type});
  }
}

}  // namespace

AssetType ReadAssetType(const Json& document, const std::optional<std::string>& id,
                        Faults& faults) {
  AssetType type;
  ObjectReader reader(document, "", kTypeFields, faults);
  if (!reader.ok()) return type;
  type.id = ReadAssetId(reader, id);
  type.name = ReadDisplayName(reader, type.id);
  type.attributes = ReadDefinitions(reader, "attributes", DefinitionKind::kAttribute, faults);
  type.telemetries = ReadDefinitions(reader, "telemetries", DefinitionKind::kTelemetry, faults);
  return type;
}

Asset ReadAsset(const Json& document, const std::string& pointer,
                const std::optional<std::string>& id, Faults& faults) {
  Asset asset;
  ObjectReader reader(document, pointer, kAssetFields, faults);
  if (!reader.ok()) return asset;
  asset.id = ReadAssetId(reader, id);
  asset.name = ReadDisplayName(reader, asset.id);
  asset.type = reader.Text("type", {.max_characters = 128}).value_or("");
  if (const Json* attributes = reader.Object("attributes", Need::kOptional)) {
    for (const auto& [name, value] : attributes->items()) {
      if (IsValue(value)) continue;
      faults.push_back({PointerTo(reader.PointerOf("attributes"), name), "wrong-type",
                        "found " + std::string(KindOf(value)) +
                            ", allowed are a string, a number or a boolean"});
    }
    asset.attributes = Dump(*attributes);
  }
  asset.telemetries = ReadDefinitions(reader, "telemetries", DefinitionKind::kTelemetry, faults);
  return asset;
}

Json ToJson(const AssetType& type) {
  return {
      {"id",          type.id                 },
      {"name",        type.name               },
      {"attributes",  ToJson(type.attributes) },
      {"telemetries", ToJson(type.telemetries)}
  };
}

Json ToJson(const Asset& asset) {
  return {
      {"id", asset.id},
      {"name", asset.name},
      {"type", asset.type},
      {"attributes", Json::parse(asset.attributes, nullptr, false)},
      {"telemetries", ToJson(asset.telemetries)}
  };
}

Json CatalogRecord(const AssetType& type) {
  Json telemetries = ToJson(type.telemetries);
  for (Json& telemetry : telemetries) {
    if (!telemetry.contains("unit")) telemetry["unit"] = nullptr;
  }
  return {
      {"id",          type.id               },
      {"name",        type.name             },
      {"telemetries", std::move(telemetries)}
  };
}

void CheckAgainstType(const Asset& asset, const AssetType& type, const std::string& pointer,
                      Faults& faults) {
  const Json attributes = Json::parse(asset.attributes, nullptr, false);
  for (const auto& [name, value] : attributes.items()) {
    if (!IsValue(value)) continue;  // told when it was read
    CheckAttribute(name, value, type, PointerTo(PointerTo(pointer, "attributes"), name), faults);
  }
  for (std::size_t i = 0; i < asset.telemetries.size(); ++i) {
    if (!Find(type.telemetries, asset.telemetries[i].name)) continue;
    faults.push_back({PointerTo(PointerTo(PointerTo(pointer, "telemetries"), i), "name"),
                      "duplicate", "the type " + type.id + " has it already"});
  }
}

}  // namespace outrigger::model_api
