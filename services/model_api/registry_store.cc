// SPDX-License-Identifier: Apache-2.0
#include "model_api/registry_store.h"

namespace outrigger::model_api {
namespace {

constexpr std::string_view kSelect =
    "SELECT name, registry, username, password_sealed, COALESCE(owner_model, '') "
    "FROM container_registry ";

Registry FromRow(const store::Row& row) {
  return {row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Text(4)};
}

std::vector<store::Param> Params(const TenantId& tenant, const Registry& registry) {
  return {tenant,
          registry.name,
          registry.registry,
          registry.username,
          registry.password_sealed,
          registry.owner_model.empty() ? std::optional<std::string>()
                                       : std::optional(registry.owner_model)};
}

constexpr std::string_view kInsert =
    "INSERT INTO container_registry (tenant, name, registry, username, password_sealed, "
    "owner_model) VALUES ($1, $2, $3, $4, $5, $6) ";

}  // namespace

std::string RegistryContext(const TenantId& tenant, const std::string& name) {
  return tenant.str() + "/container-registry/" + name;
}

Result<bool> InsertRegistry(store::Transaction& transaction, const TenantId& tenant,
                            const Registry& registry) {
  OR_ASSIGN(const std::int64_t made,
            transaction.Execute(std::string(kInsert) + "ON CONFLICT DO NOTHING",
                                Params(tenant, registry)));
  return made == 1;
}

Result<> PutRegistry(store::Transaction& transaction, const TenantId& tenant,
                     const Registry& registry) {
  OR_ASSIGN(
      const std::int64_t put,
      transaction.Execute(
          std::string(kInsert) +
              "ON CONFLICT (tenant, name) DO UPDATE SET registry = EXCLUDED.registry, "
              "username = EXCLUDED.username, password_sealed = EXCLUDED.password_sealed, "
              "version = container_registry.version + 1 "
              "WHERE container_registry.owner_model IS NOT DISTINCT FROM EXCLUDED.owner_model",
          Params(tenant, registry)));
  if (put == 1) return {};
  return Error(ErrorCode::kConflict, "the container registry " + registry.name + " is another's");
}

Result<std::optional<Registry>> FindRegistry(store::Transaction& transaction,
                                             const std::string& name) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(std::string(kSelect) + "WHERE name = $1 FOR UPDATE", {name}));
  if (rows.empty()) return std::optional<Registry>();
  return std::optional<Registry>(FromRow(rows[0]));
}

Result<std::vector<Registry>> ListRegistriesFrom(store::Transaction& transaction,
                                                 const Page& page) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(
                std::string(kSelect) + "WHERE $1::text IS NULL OR name > $1 ORDER BY name LIMIT $2",
                {page.after, page.limit + 1}));
  std::vector<Registry> registries;
  for (const store::Row& row : rows) registries.push_back(FromRow(row));
  return registries;
}

Result<> DeleteRegistryRow(store::Transaction& transaction, const std::string& name) {
  OR_RETURN_IF_ERROR(transaction.Execute("DELETE FROM container_registry WHERE name = $1", {name}));
  return {};
}

Result<std::optional<std::string>> ModelUsingRegistry(store::Transaction& transaction,
                                                      const std::string& name) {
  OR_ASSIGN(const store::Rows rows, transaction.Query(R"sql(
      SELECT m.name FROM model m
       WHERE m.manifest #> '{model,container,customRegistry}' IS NOT NULL
         AND (m.manifest #>> '{model,container,customRegistry,name}' = $1
              OR (m.name = $1 AND m.manifest #>> '{model,container,customRegistry,name}' IS NULL))
       ORDER BY m.name LIMIT 1)sql",
                                                      {name}));
  if (rows.empty()) return std::optional<std::string>();
  return std::optional<std::string>(rows[0].Text(0));
}

}  // namespace outrigger::model_api
