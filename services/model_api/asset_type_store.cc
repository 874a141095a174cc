// SPDX-License-Identifier: Apache-2.0
#include "model_api/asset_type_store.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

// A type with its telemetries as one JSON list, in their order.
constexpr std::string_view kSelect = R"sql(
  SELECT t.id, t.name, t.attributes::text,
         COALESCE((SELECT json_agg(json_build_object('name', d.name, 'type', d.type, 'unit', d.unit) ORDER BY d.position)
                     FROM telemetry_definition d
                    WHERE d.tenant = t.tenant AND d.owner_kind = 'type' AND d.owner_id = t.id), '[]')::text
    FROM asset_type t )sql";

AssetType FromRow(const store::Row& row) {
  return {row.Text(0), row.Text(1), DefinitionsFrom(row.Text(2)), DefinitionsFrom(row.Text(3))};
}

std::vector<AssetType> FromRows(const store::Rows& rows) {
  std::vector<AssetType> types;
  types.reserve(rows.size());
  for (const store::Row& row : rows) types.push_back(FromRow(row));
  return types;
}

Result<std::optional<std::string>> FirstText(store::Transaction& transaction, std::string_view sql,
                                             const std::vector<store::Param>& params) {
  OR_ASSIGN(const store::Rows rows, transaction.Query(sql, params));
  if (rows.empty()) return std::optional<std::string>();
  return std::optional<std::string>(rows[0].Text(0));
}

}  // namespace

Result<> LockInventory(store::Transaction& transaction, const TenantId& tenant) {
  OR_RETURN_IF_ERROR(transaction.Query(
      "SELECT pg_advisory_xact_lock(hashtextextended('outrigger/inventory/' || $1, 0))", {tenant}));
  return {};
}

Result<bool> InsertAssetType(store::Transaction& transaction, const TenantId& tenant,
                             const AssetType& type) {
  OR_ASSIGN(const std::int64_t made,
            transaction.Execute("INSERT INTO asset_type (tenant, id, name, attributes) "
                                "VALUES ($1, $2, $3, $4::jsonb) ON CONFLICT DO NOTHING",
                                {tenant, type.id, type.name, Dump(ToJson(type.attributes))}));
  if (made == 0) return false;
  OR_RETURN_IF_ERROR(ReplaceDefinitions(transaction, tenant, "type", type.id, type.telemetries));
  return true;
}

Result<> UpdateAssetType(store::Transaction& transaction, const AssetType& type) {
  OR_RETURN_IF_ERROR(transaction.Execute(
      "UPDATE asset_type SET name = $2, attributes = $3::jsonb, version = version + 1 "
      "WHERE id = $1",
      {type.id, type.name, Dump(ToJson(type.attributes))}));
  return {};
}

Result<> DeleteAssetType(store::Transaction& transaction, const std::string& id) {
  OR_RETURN_IF_ERROR(transaction.Execute(
      "DELETE FROM telemetry_definition WHERE owner_kind = 'type' AND owner_id = $1", {id}));
  OR_RETURN_IF_ERROR(transaction.Execute("DELETE FROM asset_type WHERE id = $1", {id}));
  return {};
}

Result<std::optional<AssetType>> FindAssetType(store::Transaction& transaction,
                                               const std::string& id) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(std::string(kSelect) + "WHERE t.id = $1", {id}));
  if (rows.empty()) return std::optional<AssetType>();
  return std::optional<AssetType>(FromRow(rows[0]));
}

Result<std::vector<AssetType>> FindAssetTypes(store::Transaction& transaction,
                                              const std::set<std::string>& ids) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(std::string(kSelect) +
                                  "WHERE t.id IN (SELECT jsonb_array_elements_text($1::jsonb))",
                              {Dump(nlohmann::json(ids))}));
  return FromRows(rows);
}

Result<Slice<AssetType>> ListAssetTypes(store::Transaction& transaction, const Page& page) {
  const auto take = [&](const Page& bite) -> Result<std::vector<AssetType>> {
    OR_ASSIGN(const store::Rows rows,
              transaction.Query(std::string(kSelect) +
                                    "WHERE $1::text IS NULL OR t.id > $1 ORDER BY t.id LIMIT $2",
                                {bite.after, bite.limit}));
    return FromRows(rows);
  };
  return TakeInBites<AssetType>(
      page, take, [](const AssetType& type) { return type.id; },
      [](const AssetType& type) { return Weight(type.attributes) + Weight(type.telemetries); });
}

Result<std::optional<TypeUse>> FindTypeUse(store::Transaction& transaction, const std::string& id) {
  OR_ASSIGN(const auto asset,
            FirstText(transaction, "SELECT id FROM asset WHERE type = $1 LIMIT 1", {id}));
  OR_ASSIGN(const auto model,
            FirstText(transaction,
                      "SELECT model FROM asset_type_mapping WHERE asset_type = $1 LIMIT 1", {id}));
  if (!asset && !model) return std::optional<TypeUse>();
  return std::optional<TypeUse>(TypeUse{asset.value_or(""), model.value_or("")});
}

Result<std::vector<TelemetryUse>> MappedTelemetriesOfType(store::Transaction& transaction,
                                                          const std::string& id) {
  OR_ASSIGN(const store::Rows rows, transaction.Query(R"sql(
      SELECT telemetry, min(model) FROM (
        SELECT telemetry, model FROM asset_type_mapping WHERE asset_type = $1
        UNION ALL
        SELECT m.telemetry, m.model FROM model_mapping m
          JOIN asset a ON a.tenant = m.tenant AND a.id = m.asset
         WHERE a.type = $1 AND NOT m.exploded) used
       GROUP BY telemetry)sql",
                                                      {id}));
  std::vector<TelemetryUse> uses;
  for (const store::Row& row : rows) uses.push_back({row.Text(0), row.Text(1)});
  return uses;
}

Result<std::optional<std::string>> AssetWithAttribute(store::Transaction& transaction,
                                                      const std::string& type,
                                                      const std::string& attribute) {
  return FirstText(transaction,
                   "SELECT id FROM asset WHERE type = $1 AND jsonb_exists(attributes, $2) LIMIT 1",
                   {type, attribute});
}

Result<std::optional<std::string>> AssetWithTelemetry(store::Transaction& transaction,
                                                      const std::string& type,
                                                      const std::string& telemetry) {
  return FirstText(transaction,
                   "SELECT a.id FROM asset a JOIN telemetry_definition d ON d.tenant = a.tenant "
                   "AND d.owner_kind = 'asset' AND d.owner_id = a.id "
                   "WHERE a.type = $1 AND d.name = $2 LIMIT 1",
                   {type, telemetry});
}

Result<> ReplaceDefinitions(store::Transaction& transaction, const TenantId& tenant,
                            std::string_view owner_kind, const std::string& owner,
                            const Definitions& definitions) {
  OR_RETURN_IF_ERROR(transaction.Execute(
      "DELETE FROM telemetry_definition WHERE owner_kind = $1 AND owner_id = $2",
      {owner_kind, owner}));
  if (definitions.empty()) return {};
  OR_RETURN_IF_ERROR(transaction.Execute(R"sql(
      INSERT INTO telemetry_definition (tenant, owner_kind, owner_id, name, type, unit, position)
      SELECT $1, $2, $3, d.value ->> 'name', d.value ->> 'type', d.value ->> 'unit', d.ordinality
        FROM jsonb_array_elements($4::jsonb) WITH ORDINALITY d)sql",
                                         {tenant, owner_kind, owner, Dump(ToJson(definitions))}));
  return {};
}

}  // namespace outrigger::model_api
