// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "model_api/mapped_models.h"
#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

std::string ToText(const std::set<std::string>& ids) { return Dump(Json(ids)); }

void TakeByType(const store::Rows& rows, std::map<std::string, manifest::Mapping>& models) {
  for (const store::Row& row : rows) {
    manifest::Mapping& mapping = models[row.Text(0)];
    if (mapping.groups.empty()) mapping.groups.emplace_back();
    mapping.asset_type = row.Text(3);
    manifest::Group& group = mapping.groups[0];
    manifest::Side& side = (row.Text(1) == "input" ? group.inputs : group.outputs)[row.Text(2)];
    side.asset_type = row.Text(3);
    side.telemetry = row.Text(4);
  }
}

// Rows come in the order of their subjects: a new subject begins a new group.
void TakeByAsset(const store::Rows& rows, std::map<std::string, manifest::Mapping>& models) {
  for (const store::Row& row : rows) {
    manifest::Mapping& mapping = models[row.Text(0)];
    if (mapping.groups.empty() || mapping.groups.back().subject != row.Text(5)) {
      mapping.groups.emplace_back().subject = row.Text(5);
    }
    manifest::Group& group = mapping.groups.back();
    manifest::Side& side = (row.Text(1) == "input" ? group.inputs : group.outputs)[row.Text(2)];
    side.asset = row.Text(3);
    side.telemetry = row.Text(4);
  }
}

manifest::TelemetryDefinition DefinitionFrom(const store::Row& row, std::size_t type,
                                             std::size_t unit) {
  return {manifest::TelemetryTypeFrom(row.Text(type)).value_or(manifest::TelemetryType::kNumber),
          row.Text(unit)};
}

Json Sides(const std::string& subject, const manifest::Group& group) {
  Json rows = Json::array();
  const auto add = [&](std::string_view direction, const manifest::Sides& sides) {
    for (const auto& [column, side] : sides) {
      rows.push_back({
          {"subject",   subject                                          },
          {"direction", direction                                        },
          {"column",    column                                           },
          {"owner",     side.asset.empty() ? side.asset_type : side.asset},
          {"telemetry", side.telemetry                                   }
      });
    }
  };
  add("input", group.inputs);
  add("output", group.outputs);
  return rows;
}

}  // namespace

std::vector<manifest::MappedModel> MappedModels::Views() const {
  std::vector<manifest::MappedModel> views;
  views.reserve(models.size());
  for (const auto& [name, mapping] : models) views.push_back({name, &mapping});
  return views;
}

Result<MappedModels> LoadMappedModels(store::Transaction& transaction, const std::string& except,
                                      const std::set<std::string>& also) {
  std::map<std::string, manifest::Mapping> models;
  OR_ASSIGN(const store::Rows by_type,
            transaction.Query("SELECT model, direction, column_name, asset_type, telemetry "
                              "FROM asset_type_mapping WHERE model <> $1",
                              {except}));
  TakeByType(by_type, models);
  OR_ASSIGN(const store::Rows by_asset,
            transaction.Query("SELECT model, direction, column_name, asset, telemetry, subject "
                              "FROM model_mapping WHERE model <> $1 AND NOT exploded "
                              "ORDER BY model, subject",
                              {except}));
  TakeByAsset(by_asset, models);

  MappedModels mapped;
  std::set<std::string> assets = also;
  for (auto& [name, mapping] : models) {
    assets.merge(mapping.Assets());
    mapped.models.emplace_back(name, std::move(mapping));
  }
  OR_ASSIGN(const store::Rows types,
            transaction.Query("SELECT id, type FROM asset WHERE id IN "
                              "(SELECT jsonb_array_elements_text($1::jsonb))",
                              {ToText(assets)}));
  for (const store::Row& row : types) mapped.types.emplace(row.Text(0), row.Text(1));
  return mapped;
}

Result<> StoreSides(store::Transaction& transaction, const TenantId& tenant,
                    const std::string& model, const manifest::Mapping& mapping) {
  OR_RETURN_IF_ERROR(DropSides(transaction, model));
  Json rows = Json::array();
  for (const manifest::Group& group : mapping.groups) {
    for (Json& row : Sides(group.subject, group)) rows.push_back(std::move(row));
  }
  const std::string sql =
      mapping.by_type()
          ? "INSERT INTO asset_type_mapping (tenant, model, direction, column_name, asset_type, "
            "telemetry) SELECT $1, $2, r ->> 'direction', r ->> 'column', r ->> 'owner', "
            "r ->> 'telemetry' FROM jsonb_array_elements($3::jsonb) r"
          : "INSERT INTO model_mapping (tenant, model, subject, direction, column_name, asset, "
            "telemetry) SELECT $1, $2, r ->> 'subject', r ->> 'direction', r ->> 'column', "
            "r ->> 'owner', r ->> 'telemetry' FROM jsonb_array_elements($3::jsonb) r";
  OR_RETURN_IF_ERROR(transaction.Execute(sql, {tenant, model, Dump(rows)}));
  return {};
}

Result<> DropSides(store::Transaction& transaction, const std::string& model) {
  OR_RETURN_IF_ERROR(
      transaction.Execute("DELETE FROM asset_type_mapping WHERE model = $1", {model}));
  OR_RETURN_IF_ERROR(transaction.Execute("DELETE FROM model_mapping WHERE model = $1", {model}));
  return {};
}

Result<std::map<std::string, manifest::AssetDefinition>> StoredDefinitions::Assets(
    const std::set<std::string>& ids) {
  std::map<std::string, manifest::AssetDefinition> assets;
  if (ids.empty()) return assets;
  OR_ASSIGN(const store::Rows rows, transaction_.Query(R"sql(
      SELECT a.id, a.type, d.name, d.type, COALESCE(d.unit, '')
        FROM asset a
        LEFT JOIN telemetry_definition d ON d.tenant = a.tenant
              AND ((d.owner_kind = 'type' AND d.owner_id = a.type) OR (d.owner_kind = 'asset' AND d.owner_id = a.id))
       WHERE a.id IN (SELECT jsonb_array_elements_text($1::jsonb)))sql",
                                                       {ToText(ids)}));
  for (const store::Row& row : rows) {
    manifest::AssetDefinition& asset = assets[row.Text(0)];
    asset.type = row.Text(1);
    if (!row.IsNull(2)) asset.telemetries[row.Text(2)] = DefinitionFrom(row, 3, 4);
  }
  return assets;
}

Result<std::map<std::string, manifest::TypeDefinition>> StoredDefinitions::Types(
    const std::set<std::string>& ids) {
  std::map<std::string, manifest::TypeDefinition> types;
  if (ids.empty()) return types;
  OR_ASSIGN(const store::Rows rows, transaction_.Query(R"sql(
      SELECT t.id, d.name, d.type, COALESCE(d.unit, '')
        FROM asset_type t
        LEFT JOIN telemetry_definition d ON d.tenant = t.tenant AND d.owner_kind = 'type' AND d.owner_id = t.id
       WHERE t.id IN (SELECT jsonb_array_elements_text($1::jsonb)))sql",
                                                       {ToText(ids)}));
  for (const store::Row& row : rows) {
    manifest::TypeDefinition& type = types[row.Text(0)];
    if (!row.IsNull(1)) type.telemetries[row.Text(1)] = DefinitionFrom(row, 2, 3);
  }
  return types;
}

}  // namespace outrigger::model_api
