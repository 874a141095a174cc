// SPDX-License-Identifier: Apache-2.0
// Mappings: which telemetry feeds each input of a model and which takes each output, checked so
// that a deployed model never meets a value it cannot use nor feeds itself.
//
// Threads:  pure functions and plain values; CheckMapping() calls its source.
// See also: docs/formats/mapping.md
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/manifest/fault.h"
#include "outrigger/manifest/manifest.h"
#include "outrigger/manifest/units.h"

namespace outrigger::manifest {

enum class TelemetryType { kNumber, kString, kBoolean };
std::string_view Name(TelemetryType type);  // "number", "string", "boolean"
std::optional<TelemetryType> TelemetryTypeFrom(std::string_view name);

// One end of a mapping: a telemetry of an asset, or of every asset of a type.
struct Side {
  std::string asset;       // empty by type
  std::string asset_type;  // empty by asset
  std::string telemetry;
  std::string pointer;  // of the side in its document
  // Filled in by CheckMapping().
  TelemetryType type = TelemetryType::kNumber;
  Conversion conversion;  // inputs: telemetry to column; outputs: column to telemetry
};

using Sides = std::map<std::string, Side>;  // by dataColumnName

// What makes a row together. By type there is one, and its subject is each asset of the type.
struct Group {
  std::string subject;  // empty by type
  Sides inputs;
  Sides outputs;
  std::string pointer;  // "" or "/groups/3"
};

struct Mapping {
  std::string asset_type;  // empty by assets
  std::vector<Group> groups;

  bool by_type() const { return !asset_type.empty(); }
  // Every asset that a side or a subject names. Empty by type.
  std::set<std::string> Assets() const;
};

struct MappingOutcome {
  Mapping mapping;  // with faults: what of it was well-formed, so that more can be checked
  std::vector<Fault> faults;                       // of structure
  std::shared_ptr<const nlohmann::json> document;  // as submitted; null when it is no document
  bool ok() const { return faults.empty(); }
};

// Parses a mapping document and checks its structure against the model's columns. Limits: 1 MiB,
// depth 32, 10,000 groups.
MappingOutcome ParseMapping(std::string_view body, const Manifest& manifest);
inline MappingOutcome ParseMapping(const std::string& body, const Manifest& manifest) {
  return ParseMapping(std::string_view(body), manifest);
}
// The same of a stored document.
MappingOutcome ParseMapping(const nlohmann::json& document, const Manifest& manifest);

struct TelemetryDefinition {
  TelemetryType type = TelemetryType::kNumber;
  std::string unit;  // UCUM; empty: none
};
using TelemetryDefinitions = std::map<std::string, TelemetryDefinition>;  // by name

struct TypeDefinition {
  TelemetryDefinitions telemetries;
};
struct AssetDefinition {
  std::string type;
  TelemetryDefinitions telemetries;  // the type's and the asset's extra ones
};

// Where definitions come from; the asker is CheckMapping().
class DefinitionSource {
 public:
  virtual ~DefinitionSource() = default;
  // Those of `ids` that exist, in the tenant of the request.
  // Errors: whatever keeps the source from answering; handed on as they are.
  virtual Result<std::map<std::string, AssetDefinition>> Assets(
      const std::set<std::string>& ids) = 0;
  virtual Result<std::map<std::string, TypeDefinition>> Types(const std::set<std::string>& ids) = 0;
};

// Checks what a mapping names: assets, types and telemetries exist, types fit readAsString, units
// convert. Fills in `type` and `conversion` of each side. Works on the mapping of an outcome with
// faults too, so that both lists are answered at once: append these to the outcome's.
// Errors: those of `source`.
Result<std::vector<Fault>> CheckMapping(Mapping& mapping, const Manifest& manifest,
                                        DefinitionSource& source);

struct MappedModel {
  std::string model;
  const Mapping* mapping;  // must outlive the call
};

// Which type an asset has: for every asset that a mapping of the tenant names (Mapping::Assets()).
using TypeOfAsset = std::map<std::string, std::string>;

// Cycles that `candidate` closes, through others' outputs or by itself, and telemetries that it and
// another model (or two outputs of its own) write; types and assets overlap, for an asset belongs
// to its type. Each fault points to an output's side of the candidate and names the other model.
// Linear in the size of all mappings. `others` without the candidate's own earlier mapping.
std::vector<Fault> CheckFlow(const MappedModel& candidate, std::span<const MappedModel> others,
                             const TypeOfAsset& types);

// For a change of an asset's type: the first cycle or second writer among all models, told with the
// models' names; none when all is well.
std::optional<Fault> FindFlowFault(std::span<const MappedModel> models, const TypeOfAsset& types);

}  // namespace outrigger::manifest
