// SPDX-License-Identifier: Apache-2.0
// What a mapping names, against the definitions.
#include <nlohmann/json.hpp>

#include "outrigger/base/text.h"
#include "outrigger/manifest/mapping.h"
#include "shape.h"

namespace outrigger::manifest {
namespace {

const JsonPositions kNowhere;
// A name is compared with at most so many others: the nearest of thousands would take seconds.
constexpr std::size_t kComparedNames = 200;

class MappingChecker {
 public:
  MappingChecker(const Manifest& manifest, std::map<std::string, AssetDefinition> assets,
                 std::map<std::string, TypeDefinition> types)
      : manifest_(manifest), assets_(std::move(assets)), types_(std::move(types)) {}

  std::vector<Fault> Check(Mapping& mapping) {
    for (Group& group : mapping.groups) {
      for (auto& [name, side] : group.inputs) {
        if (const Column* column = manifest_.FindInput(name)) CheckInput(*column, side);
      }
      for (auto& [name, side] : group.outputs) {
        if (const Column* column = manifest_.FindOutput(name)) CheckOutput(*column, side);
      }
      if (!group.subject.empty() && !assets_.contains(group.subject) && !NamedByOutput(group))
        NotFound(PointerTo(group.pointer, "subject"), "asset", group.subject);
    }
    return std::move(faults_).Take();
  }

 private:
  // An unknown asset that an output names is told there.
  static bool NamedByOutput(const Group& group) {
    for (const auto& [name, side] : group.outputs) {
      if (side.asset == group.subject) return true;
    }
    return false;
  }

  void NotFound(const std::string& pointer, std::string_view what, const std::string& id) {
    faults_.Add(pointer, "not-found", "There is no " + std::string(what) + " " + Quoted(id));
  }

  const TelemetryDefinition* Find(const Side& side) {
    const TelemetryDefinitions* telemetries = nullptr;
    std::string of;
    if (!side.asset.empty()) {
      const auto asset = assets_.find(side.asset);
      if (asset == assets_.end()) {
        NotFound(side.pointer + "/asset", "asset", side.asset);
        return nullptr;
      }
      telemetries = &asset->second.telemetries;
      of = "The asset " + Quoted(side.asset);
    } else {
      const auto type = types_.find(side.asset_type);
      if (type == types_.end()) {
        NotFound(side.pointer + "/assetType", "asset type", side.asset_type);
        return nullptr;
      }
      telemetries = &type->second.telemetries;
      of = "The asset type " + Quoted(side.asset_type);
    }
    const auto found = telemetries->find(side.telemetry);
    if (found != telemetries->end()) return &found->second;
    faults_.Add(side.pointer + "/telemetry", "not-found",
                of + " has no telemetry " + Quoted(side.telemetry), Hint(*telemetries, side));
    return nullptr;
  }

  std::string Hint(const TelemetryDefinitions& telemetries, const Side& side) const {
    if (faults_.full() || telemetries.size() > kComparedNames) return "";
    std::vector<std::string_view> names;
    for (const auto& [name, definition] : telemetries) names.push_back(name);
    if (const auto nearest = Nearest(side.telemetry, names))
      return "Did you mean " + Quoted(*nearest) + "?";
    return "";
  }

  void CheckInput(const Column& column, Side& side) {
    const TelemetryDefinition* telemetry = Find(side);
    if (!telemetry) return;
    side.type = telemetry->type;
    if (!column.read_as_string && telemetry->type == TelemetryType::kString)
      faults_.Add(side.pointer + "/telemetry", "telemetry-type",
                  "The input " + Quoted(column.name) + " reads numbers, but the telemetry " +
                      Quoted(side.telemetry) + " is of type string",
                  "Choose a number or boolean telemetry, or set readAsString in the manifest.");
    else
      CheckUnit(column, *telemetry, telemetry->unit, column.unit, side);
  }

  void CheckOutput(const Column& column, Side& side) {
    const TelemetryDefinition* telemetry = Find(side);
    if (!telemetry) return;
    side.type = telemetry->type;
    const bool string = telemetry->type == TelemetryType::kString;
    if (column.read_as_string != string)
      faults_.Add(side.pointer + "/telemetry", "telemetry-type",
                  "The output " + Quoted(column.name) +
                      (string ? " is a number" : " is text (readAsString)") +
                      ", but the telemetry " + Quoted(side.telemetry) + " is of type " +
                      std::string(Name(telemetry->type)),
                  string ? "Choose a number or boolean telemetry." : "Choose a string telemetry.");
    else if (const auto first = output_types_.try_emplace(column.name, telemetry->type).first;
             first->second != telemetry->type)
      faults_.Add(side.pointer + "/telemetry", "telemetry-type",
                  "The output " + Quoted(column.name) + " is of one type, but the telemetry " +
                      Quoted(side.telemetry) + " is of type " + std::string(Name(telemetry->type)) +
                      " and one of another group of type " + std::string(Name(first->second)),
                  "Map an output to telemetries of one type.");
    else
      CheckUnit(column, *telemetry, column.unit, telemetry->unit, side);
  }

  // A column without unit takes values as they are.
  void CheckUnit(const Column& column, const TelemetryDefinition& telemetry,
                 const std::string& from, const std::string& to, Side& side) {
    if (column.unit.empty() || from == to) return;
    const std::string wanted = "The column " + Quoted(column.name) + " has the unit " +
                               Quoted(column.unit) + ", but the telemetry " +
                               Quoted(side.telemetry);
    if (telemetry.type != TelemetryType::kNumber || telemetry.unit.empty()) {
      faults_.Add(side.pointer + "/telemetry", "unit",
                  wanted + (telemetry.unit.empty() ? " has none" : " holds no numbers"),
                  "Give the telemetry a unit, or leave it out of the manifest.");
      return;
    }
    const auto conversion = ConvertUnit(from, to);
    if (conversion)
      side.conversion = *conversion;
    else
      faults_.Add(side.pointer + "/telemetry", "unit",
                  wanted + " has " + Quoted(telemetry.unit) + ": " + conversion.error().message());
  }

  const Manifest& manifest_;
  std::map<std::string, AssetDefinition> assets_;
  std::map<std::string, TypeDefinition> types_;
  std::map<std::string, TelemetryType> output_types_;  // by column: the first group's
  FaultList faults_{kNowhere};
};

}  // namespace

std::string_view Name(TelemetryType type) {
  switch (type) {
    case TelemetryType::kNumber:
      return "number";
    case TelemetryType::kString:
      return "string";
    case TelemetryType::kBoolean:
      return "boolean";
  }
  return "";
}

std::optional<TelemetryType> TelemetryTypeFrom(std::string_view name) {
  for (const auto type :
       {TelemetryType::kNumber, TelemetryType::kString, TelemetryType::kBoolean}) {
    if (Name(type) == name) return type;
  }
  return std::nullopt;
}

Result<std::vector<Fault>> CheckMapping(Mapping& mapping, const Manifest& manifest,
                                        DefinitionSource& source) {
  std::set<std::string> type_ids;
  for (const Group& group : mapping.groups) {
    for (const Sides* sides : {&group.inputs, &group.outputs}) {
      for (const auto& [column, side] : *sides) {
        if (!side.asset_type.empty()) type_ids.insert(side.asset_type);
      }
    }
  }
  const std::set<std::string> asset_ids = mapping.Assets();
  std::map<std::string, AssetDefinition> assets;
  std::map<std::string, TypeDefinition> types;
  if (!asset_ids.empty()) {
    OR_ASSIGN(assets, source.Assets(asset_ids));
  }
  if (!type_ids.empty()) {
    OR_ASSIGN(types, source.Types(type_ids));
  }
  return MappingChecker(manifest, std::move(assets), std::move(types)).Check(mapping);
}

}  // namespace outrigger::manifest
