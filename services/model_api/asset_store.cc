// SPDX-License-Identifier: Apache-2.0
#include "model_api/asset_store.h"

#include <format>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSelect = R"sql(
  SELECT a.id, a.name, a.type, a.attributes::text,
         COALESCE((SELECT json_agg(json_build_object('name', d.name, 'type', d.type, 'unit', d.unit) ORDER BY d.position)
                     FROM telemetry_definition d
                    WHERE d.tenant = a.tenant AND d.owner_kind = 'asset' AND d.owner_id = a.id), '[]')::text
    FROM asset a )sql";

Asset FromRow(const store::Row& row) {
  return {row.Text(0), row.Text(1), row.Text(2), row.Text(3), DefinitionsFrom(row.Text(4))};
}

Json ToRows(std::span<const Asset> assets) {
  Json rows = Json::array();
  for (const Asset& asset : assets) rows.push_back(ToJson(asset));
  return rows;
}

std::string IdsOf(std::span<const Asset> assets) {
  Json ids = Json::array();
  for (const Asset& asset : assets) ids.push_back(asset.id);
  return Dump(ids);
}

Result<std::vector<std::string>> TakenIds(store::Transaction& transaction,
                                          std::span<const Asset> assets) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query("SELECT id FROM asset WHERE id IN "
                              "(SELECT jsonb_array_elements_text($1::jsonb)) ORDER BY id",
                              {IdsOf(assets)}));
  std::vector<std::string> taken;
  for (const store::Row& row : rows) taken.push_back(row.Text(0));
  return taken;
}

}  // namespace

Result<std::vector<std::string>> InsertAssets(store::Transaction& transaction,
                                              const TenantId& tenant, std::span<Asset> assets) {
  // Under the tenant's inventory lock nobody else inserts between this look and the insertion.
  OR_ASSIGN(auto taken, TakenIds(transaction, assets));
  if (!taken.empty() || assets.empty()) return taken;
  const std::string rows = Dump(ToRows(assets));
  OR_ASSIGN(const store::Rows stored, transaction.Query(R"sql(
      INSERT INTO asset (tenant, id, name, type, attributes)
      SELECT $1, r ->> 'id', r ->> 'name', r ->> 'type', r -> 'attributes'
        FROM jsonb_array_elements($2::jsonb) r RETURNING id, attributes::text)sql",
                                                        {tenant, rows}));
  std::unordered_map<std::string, std::string> attributes;
  for (const store::Row& row : stored) attributes.emplace(row.Text(0), row.Text(1));
  for (Asset& asset : assets) asset.attributes = std::move(attributes[asset.id]);
  OR_RETURN_IF_ERROR(transaction.Execute(R"sql(
      INSERT INTO telemetry_definition (tenant, owner_kind, owner_id, name, type, unit, position)
      SELECT $1, 'asset', r ->> 'id', d.value ->> 'name', d.value ->> 'type', d.value ->> 'unit', d.ordinality
        FROM jsonb_array_elements($2::jsonb) r, jsonb_array_elements(r -> 'telemetries') WITH ORDINALITY d)sql",
                                         {tenant, rows}));
  return taken;
}

Result<> UpdateAsset(store::Transaction& transaction, Asset& asset) {
  OR_ASSIGN(const store::Rows stored,
            transaction.Query("UPDATE asset SET name = $2, type = $3, attributes = $4::jsonb, "
                              "version = version + 1 WHERE id = $1 RETURNING attributes::text",
                              {asset.id, asset.name, asset.type, asset.attributes}));
  if (!stored.empty()) asset.attributes = stored[0].Text(0);
  return {};
}

Result<> DeleteAsset(store::Transaction& transaction, const std::string& id) {
  OR_RETURN_IF_ERROR(transaction.Execute(
      "DELETE FROM telemetry_definition WHERE owner_kind = 'asset' AND owner_id = $1", {id}));
  OR_RETURN_IF_ERROR(transaction.Execute("DELETE FROM asset WHERE id = $1", {id}));
  return {};
}

Result<std::optional<Asset>> FindAsset(store::Transaction& transaction, const std::string& id) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(std::format("{}WHERE a.id = $1", kSelect), {id}));
  if (rows.empty()) return std::optional<Asset>();
  return std::optional<Asset>(FromRow(rows[0]));
}

Result<Slice<Asset>> ListAssets(store::Transaction& transaction,
                                const std::optional<std::string>& type, const Page& page) {
  const auto take = [&](const Page& bite) -> Result<std::vector<Asset>> {
    OR_ASSIGN(
        const store::Rows rows,
        transaction.Query(std::format("{}WHERE ($1::text IS NULL OR a.type = $1) AND "
                                      "($2::text IS NULL OR a.id > $2) ORDER BY a.id LIMIT $3",
                                      kSelect),
                          {type, bite.after, bite.limit}));
    std::vector<Asset> assets;
    assets.reserve(rows.size());
    for (const store::Row& row : rows) assets.push_back(FromRow(row));
    return assets;
  };
  return TakeInBites<Asset>(
      page, take, [](const Asset& asset) { return asset.id; },
      [](const Asset& asset) { return asset.attributes.size() + Weight(asset.telemetries); });
}

Result<std::vector<AssetUse>> MappingsNaming(store::Transaction& transaction,
                                             const std::string& id) {
  OR_ASSIGN(const store::Rows rows, transaction.Query(R"sql(
      SELECT DISTINCT model, telemetry FROM model_mapping WHERE asset = $1 AND NOT exploded
      UNION
      SELECT DISTINCT model, '' FROM model_mapping WHERE subject = $1 AND NOT exploded
       ORDER BY 1, 2)sql",
                                                      {id}));
  std::vector<AssetUse> uses;
  for (const store::Row& row : rows) uses.push_back({row.Text(0), row.Text(1)});
  return uses;
}

Result<bool> AnyMapped(store::Transaction& transaction, std::span<const Asset> assets) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query("SELECT 1 FROM model_mapping WHERE asset IN "
                              "(SELECT jsonb_array_elements_text($1::jsonb)) LIMIT 1",
                              {IdsOf(assets)}));
  return !rows.empty();
}

}  // namespace outrigger::model_api
