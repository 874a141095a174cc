// SPDX-License-Identifier: Apache-2.0
#include "model_api/deployed_model.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "outrigger/base/json.h"
#include "outrigger/manifest/manifest.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

constexpr JsonLimits kStored{.bytes = 64 << 20, .depth = 64};

Json SidesJson(const manifest::Sides& sides, bool with_asset, bool with_type) {
  Json json = Json::object();
  for (const auto& [column, side] : sides) {
    Json entry{
        {"telemetry", side.telemetry        },
        {"scale",     side.conversion.scale },
        {"offset",    side.conversion.offset}
    };
    if (with_asset) entry["asset"] = side.asset;
    if (with_type) entry["type"] = manifest::Name(side.type);
    json[column] = std::move(entry);
  }
  return json;
}

}  // namespace

Result<DeployedModel> LoadDeployed(store::Transaction& transaction,
                                   const lifecycle::Workload& workload,
                                   manifest::DefinitionSource& definitions) {
  OR_ASSIGN(const auto rows,
            transaction.Query("SELECT m.manifest, m.mappings, d.digest FROM model m "
                              "JOIN deployment d ON d.tenant = m.tenant AND d.model = m.name "
                              "WHERE m.tenant = $1 AND m.name = $2 AND d.id = $3",
                              {workload.tenant, workload.model, workload.deployment}));
  if (rows.empty()) return Error(ErrorCode::kNotFound, "the model or its deployment is gone");
  if (rows[0].IsNull(1))
    return Error(ErrorCode::kConflict, "the model has no mappings", "PUT its mappings first");
  OR_ASSIGN(const Json manifest_json, ParseJsonOr(rows[0].Text(0), kStored));
  OR_ASSIGN(const Json mapping_json, ParseJsonOr(rows[0].Text(1), kStored));
  const auto parsed = manifest::ParseManifest(manifest_json);
  if (!parsed.manifest)
    return Error(ErrorCode::kCorrupt, "the stored manifest is not valid any more");
  auto outcome = manifest::ParseMapping(mapping_json, *parsed.manifest);
  if (!outcome.ok())
    return Error(ErrorCode::kCorrupt,
                 "the stored mapping is not valid any more: " + outcome.faults.front().detail);
  OR_ASSIGN(const auto faults,
            manifest::CheckMapping(outcome.mapping, *parsed.manifest, definitions));
  if (!faults.empty())
    return Error(ErrorCode::kConflict, faults.front().detail,
                 "mend the mapping: " + faults.front().pointer);
  return DeployedModel{*parsed.manifest, std::move(outcome.mapping), rows[0].Text(2)};
}

void AddSides(Json& route, const manifest::Mapping& mapping) {
  if (mapping.by_type()) {
    route["assetType"] = mapping.asset_type;
    route["inputs"] = SidesJson(mapping.groups.front().inputs, false, false);
    route["outputs"] = SidesJson(mapping.groups.front().outputs, false, true);
    return;
  }
  Json groups = Json::array();
  for (const auto& group : mapping.groups) {
    groups.push_back({
        {"subject", group.subject},
        {"inputs", SidesJson(group.inputs, true, false)},
        {"outputs", SidesJson(group.outputs, true, true)}
    });
  }
  route["groups"] = std::move(groups);
}

std::map<std::string, manifest::TelemetryType> OutputTypes(const manifest::Mapping& mapping) {
  std::map<std::string, manifest::TelemetryType> types;
  for (const manifest::Group& group : mapping.groups)
    for (const auto& [column, side] : group.outputs) types.emplace(column, side.type);
  return types;
}

}  // namespace outrigger::model_api
