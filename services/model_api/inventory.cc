// SPDX-License-Identifier: Apache-2.0
#include "model_api/inventory.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "model_api/body.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 4> kTypeFields = {"id", "name", "attributes", "telemetries"};
constexpr std::array<std::string_view, 5> kAssetFields = {"id", "name", "type", "attributes",
                                                          "telemetries"};

// A name is compared with at most so many others: the nearest of thousands would take seconds.
constexpr std::size_t kComparedNames = 200;

bool IsValue(const Json& value) {
  return value.is_string() || value.is_number() || value.is_boolean();
}

bool Fits(const Json& value, const std::string& type) {
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return value.is_string();
}

// How long the document is with every number written out, as PostgreSQL keeps it: 1e300 has 301
// digits there.
std::size_t StoredBytes(const Json& document) {
  std::size_t bytes = Dump(document).size();
  std::vector<const Json*> open = {&document};
  while (!open.empty()) {
    const Json& value = *open.back();
    open.pop_back();
    if (value.is_structured())
      for (const Json& inner : value) open.push_back(&inner);
    else if (value.is_number_float() && value.get<double>() != 0)
      bytes += static_cast<std::size_t>(std::abs(std::log10(std::abs(value.get<double>()))));
  }
  return bytes;
}

void CheckAttribute(const std::string& name, const Json& value, const AssetType& type,
                    const std::string& pointer, Faults& faults) {
  const Definition* definition = Find(type.attributes, name);
  if (!definition) {
    std::string detail = "the type " + type.id + " has no such attribute";
    if (type.attributes.size() <= kComparedNames) {
      std::vector<std::string_view> names;
      for (const Definition& known : type.attributes) names.push_back(known.name);
      if (const auto near = Nearest(name, names)) detail += "; did you mean " + std::string(*near);
    }
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
  if (const std::size_t bytes = StoredBytes(document); bytes > kDocumentBytes) {
    faults.push_back({pointer, "too-large",
                      "found " + std::to_string(bytes) +
                          " bytes with every number written out, "
                          "allowed for one asset are " +
                          std::to_string(kDocumentBytes)});
    return asset;
  }
  ObjectReader reader(document, pointer, kAssetFields, faults);
  if (!reader.ok()) return asset;
  asset.id = ReadAssetId(reader, id);
  asset.name = ReadDisplayName(reader, asset.id);
  asset.type = reader.Text("type", {.max_characters = 128}).value_or("");
  if (const Json* attributes = reader.Object("attributes", Need::kOptional)) {
    for (const auto& [name, value] : attributes->items()) {
      if (IsValue(value)) continue;
      if (Enough(faults)) break;
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
    if (Enough(faults)) return;
    CheckAttribute(name, value, type, PointerTo(PointerTo(pointer, "attributes"), name), faults);
  }
  for (std::size_t i = 0; i < asset.telemetries.size(); ++i) {
    if (!Find(type.telemetries, asset.telemetries[i].name)) continue;
    faults.push_back({PointerTo(PointerTo(PointerTo(pointer, "telemetries"), i), "name"),
                      "duplicate", "the type " + type.id + " has it already"});
  }
}

}  // namespace outrigger::model_api
