// SPDX-License-Identifier: Apache-2.0
#include "model_api/model_store.h"

#include <format>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

constexpr std::string_view kSelect = R"sql(
  SELECT m.name, m.uid, m.version, m.generation, m.manifest::text, m.mappings::text, m.warnings::text, m.state, m.reason,
         m.message, (extract(epoch FROM m.since) * 1000)::bigint, COALESCE(m.deployment, ''), m.observed_generation,
         CASE WHEN m.deployment IS NULL AND t.asset_type IS NOT NULL
              THEN (SELECT count(*) FROM asset a WHERE a.tenant = m.tenant AND a.type = t.asset_type)
              ELSE (SELECT count(DISTINCT s.subject) FROM model_mapping s
                     WHERE s.tenant = m.tenant AND s.model = m.name) END
    FROM model m
    LEFT JOIN LATERAL (SELECT min(y.asset_type) AS asset_type FROM asset_type_mapping y
                        WHERE y.tenant = m.tenant AND y.model = m.name) t ON true )sql";

ModelRow FromRow(const store::Row& row) {
  ModelRow model;
  model.name = row.Text(0);
  model.uid = row.Text(1);
  model.version = row.Text(2);
  model.generation = row.Int(3);
  model.manifest = row.Text(4);
  model.mappings = row.Optional(5);
  model.warnings = row.Text(6);
  model.state = row.Text(7);
  model.reason = row.Text(8);
  model.message = row.Text(9);
  model.since_ms = row.Int(10);
  model.deployment = row.Text(11);
  model.observed_generation = row.Int(12);
  model.assets = row.Int(13);
  return model;
}

Result<> StoreColumns(store::Transaction& transaction, const TenantId& tenant,
                      const std::string& model, const manifest::Manifest& manifest) {
  nlohmann::json rows = nlohmann::json::array();
  const auto add = [&](std::string_view direction, const std::vector<manifest::Column>& columns) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      nlohmann::json row = {
          {"direction", direction                },
          {"column",    columns[i].name          },
          {"string",    columns[i].read_as_string},
          {"position",  i                        }
      };
      if (!columns[i].unit.empty()) row["unit"] = columns[i].unit;
      rows.push_back(std::move(row));
    }
  };
  add("input", manifest.inputs);
  add("output", manifest.outputs);
  OR_RETURN_IF_ERROR(
      transaction.Execute("DELETE FROM model_template_mapping WHERE model = $1", {model}));
  OR_RETURN_IF_ERROR(transaction.Execute(R"sql(
      INSERT INTO model_template_mapping (tenant, model, direction, column_name, read_as_string, unit, position)
      SELECT $1, $2, r ->> 'direction', r ->> 'column', (r ->> 'string')::boolean, r ->> 'unit', (r ->> 'position')::integer
        FROM jsonb_array_elements($3::jsonb) r)sql",
                                         {tenant, model, Dump(rows)}));
  return {};
}

}  // namespace

Result<std::optional<ModelRow>> FindModel(store::Transaction& transaction, const std::string& name,
                                          RowLock lock) {
  // The lock first, in a statement of its own: the look after it sees what the holder committed.
  if (lock == RowLock::kUpdate) {
    OR_RETURN_IF_ERROR(transaction.Query("SELECT 1 FROM model WHERE name = $1 FOR UPDATE", {name}));
  }
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(std::format("{}WHERE m.name = $1", kSelect), {name}));
  if (rows.empty()) return std::optional<ModelRow>();
  return std::optional<ModelRow>(FromRow(rows[0]));
}

Result<Slice<ModelRow>> ListModelRows(store::Transaction& transaction,
                                      const std::optional<std::string>& state, const Page& page) {
  const auto take = [&](const Page& bite) -> Result<std::vector<ModelRow>> {
    OR_ASSIGN(
        const store::Rows rows,
        transaction.Query(std::format("{}WHERE ($1::text IS NULL OR m.state = $1) AND "
                                      "($2::text IS NULL OR m.name > $2) ORDER BY m.name LIMIT $3",
                                      kSelect),
                          {state, bite.after, bite.limit}));
    std::vector<ModelRow> models;
    models.reserve(rows.size());
    for (const store::Row& row : rows) models.push_back(FromRow(row));
    return models;
  };
  return TakeInBites<ModelRow>(
      page, take, [](const ModelRow& model) { return model.name; },
      [](const ModelRow& model) {
        return model.manifest.size() + model.mappings.value_or("").size() + model.warnings.size();
      });
}

Result<bool> InsertModel(store::Transaction& transaction, const TenantId& tenant,
                         const std::string& name, const manifest::Manifest& manifest,
                         const std::string& document, const std::string& warnings) {
  OR_ASSIGN(const std::int64_t made,
            transaction.Execute(
                "INSERT INTO model (tenant, name, version, manifest, warnings, state, reason) "
                "VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, 'DRAFT', 'Submitted') "
                "ON CONFLICT DO NOTHING",
                {tenant, name, manifest.version, document, warnings}));
  if (made == 0) return false;
  OR_RETURN_IF_ERROR(StoreColumns(transaction, tenant, name, manifest));
  return true;
}

Result<> UpdateManifest(store::Transaction& transaction, const TenantId& tenant,
                        const std::string& name, const manifest::Manifest& manifest,
                        const std::string& document, const std::string& warnings) {
  OR_RETURN_IF_ERROR(transaction.Execute(
      "UPDATE model SET version = $2, manifest = $3::jsonb, warnings = $4::jsonb, "
      "generation = generation + 1 WHERE name = $1",
      {name, manifest.version, document, warnings}));
  return StoreColumns(transaction, tenant, name, manifest);
}

Result<> UpdateMappings(store::Transaction& transaction, const std::string& name,
                        const std::optional<std::string>& document) {
  OR_RETURN_IF_ERROR(transaction.Execute(
      "UPDATE model SET mappings = $2::jsonb, "
      "generation = generation + CASE WHEN $2::text IS NULL THEN 0 ELSE 1 END WHERE name = $1",
      {name, document}));
  return {};
}

}  // namespace outrigger::model_api
