// SPDX-License-Identifier: Apache-2.0
#include "model_api/token_store.h"

namespace outrigger::model_api {
namespace {

constexpr std::string_view kSelect =
    "SELECT hash, name, role, (extract(epoch FROM expires_at) * 1000)::bigint FROM api_token ";

Credential FromRow(const store::Row& row, const TenantId& tenant) {
  Credential credential{row.Text(0), tenant, row.Text(1),
                        http::ParseRole(row.Text(2)).value_or(Role::kViewer), std::nullopt};
  if (!row.IsNull(3)) credential.expires_ms = row.Int(3);
  return credential;
}

Tenant TenantOf(const store::Row& row) {
  Tenant tenant{TenantId(row.Text(0)), std::nullopt};
  if (!row.IsNull(1)) tenant.history_days = row.Int(1);
  return tenant;
}

store::Param HistoryDays(const Tenant& tenant) {
  if (!tenant.history_days) return nullptr;
  return *tenant.history_days;
}

Result<std::optional<Tenant>> OneTenant(store::Transaction& transaction, const char* sql,
                                        const TenantId& id) {
  OR_ASSIGN(const store::Rows rows, transaction.Query(sql, {id}));
  if (rows.empty()) return std::optional<Tenant>();
  return std::optional<Tenant>(TenantOf(rows[0]));
}

}  // namespace

Result<std::optional<Caller>> FindCaller(store::Database& database, const std::string& hash) {
  OR_ASSIGN(auto transaction, database.Begin());
  OR_ASSIGN(const store::Rows rows,
            transaction->Query("SELECT tenant, name, role FROM outrigger_find_token($1)", {hash}));
  OR_RETURN_IF_ERROR(transaction->Commit());
  if (rows.empty()) return std::optional<Caller>();
  const auto role = http::ParseRole(rows[0].Text(2));
  if (!role) return Error(ErrorCode::kCorrupt, "a token has an unknown role");
  return std::optional<Caller>(Caller{TenantId(rows[0].Text(0)), rows[0].Text(1), *role});
}

Result<bool> InsertTenant(store::Transaction& transaction, const Tenant& tenant) {
  OR_ASSIGN(const std::int64_t made,
            transaction.Execute(
                "INSERT INTO tenant (id, history_days) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                {tenant.id, HistoryDays(tenant)}));
  return made == 1;
}

Result<std::optional<Tenant>> FindTenant(store::Transaction& transaction, const TenantId& id) {
  return OneTenant(transaction, "SELECT id, history_days FROM tenant WHERE id = $1", id);
}

Result<std::optional<Tenant>> LockTenant(store::Transaction& transaction, const TenantId& id) {
  return OneTenant(transaction, "SELECT id, history_days FROM tenant WHERE id = $1 FOR UPDATE", id);
}

Result<> UpdateTenant(store::Transaction& transaction, const Tenant& tenant) {
  OR_RETURN_IF_ERROR(transaction.Execute("UPDATE tenant SET history_days = $2 WHERE id = $1",
                                         {tenant.id, HistoryDays(tenant)}));
  return {};
}

Result<std::vector<Tenant>> ListTenants(store::Transaction& transaction, const Page& page) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query("SELECT id, history_days FROM tenant WHERE $1::text IS NULL OR "
                              "id > $1 ORDER BY id LIMIT $2",
                              {page.after, page.limit + 1}));
  std::vector<Tenant> tenants;
  for (const store::Row& row : rows) tenants.push_back(TenantOf(row));
  return tenants;
}

Result<std::vector<TenantId>> AllTenants(store::Database& database) {
  OR_ASSIGN(auto transaction, database.Begin());
  OR_ASSIGN(const store::Rows rows, transaction->Query("SELECT id FROM tenant ORDER BY id"));
  OR_RETURN_IF_ERROR(transaction->Commit());
  std::vector<TenantId> tenants;
  for (const store::Row& row : rows) tenants.emplace_back(row.Text(0));
  return tenants;
}

Result<bool> InsertToken(store::Transaction& transaction, const Credential& credential) {
  std::optional<std::string> expires;
  if (credential.expires_ms) expires = std::to_string(*credential.expires_ms);
  OR_ASSIGN(
      const std::int64_t made,
      transaction.Execute(
          "INSERT INTO api_token (tenant, name, hash, role, expires_at) "
          "VALUES ($1, $2, $3, $4, to_timestamp($5::double precision / 1000)) "
          "ON CONFLICT DO NOTHING",
          {credential.tenant, credential.name, credential.hash, Name(credential.role), expires}));
  return made == 1;
}

Result<std::optional<Credential>> FindToken(store::Transaction& transaction, const TenantId& tenant,
                                            const std::string& name) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(std::string(kSelect) + "WHERE name = $1 FOR UPDATE", {name}));
  if (rows.empty()) return std::optional<Credential>();
  return std::optional<Credential>(FromRow(rows[0], tenant));
}

Result<> DeleteToken(store::Transaction& transaction, const std::string& name) {
  OR_RETURN_IF_ERROR(transaction.Execute("DELETE FROM api_token WHERE name = $1", {name}));
  return {};
}

Result<std::vector<Credential>> ListTokens(store::Transaction& transaction, const TenantId& tenant,
                                           const Page& page) {
  OR_ASSIGN(const store::Rows rows,
            transaction.Query(
                std::string(kSelect) + "WHERE $1::text IS NULL OR name > $1 ORDER BY name LIMIT $2",
                {page.after, page.limit + 1}));
  std::vector<Credential> tokens;
  for (const store::Row& row : rows) tokens.push_back(FromRow(row, tenant));
  return tokens;
}

}  // namespace outrigger::model_api
