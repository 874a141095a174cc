// SPDX-License-Identifier: Apache-2.0
// Tenants and tokens in PostgreSQL. A token itself is never stored, only its SHA-256.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model_api/catalog_store.h"
#include "model_api/paging.h"
#include "model_api/role.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// Who holds the token with this hash; nullopt when nobody does (any more).
Result<std::optional<Caller>> FindCaller(store::Database& database, const std::string& hash);

// False: the id is taken.
Result<bool> InsertTenant(store::Transaction& transaction, const Tenant& tenant);
Result<std::optional<Tenant>> FindTenant(store::Transaction& transaction, const TenantId& id);
// The same, locked to be changed.
Result<std::optional<Tenant>> LockTenant(store::Transaction& transaction, const TenantId& id);
Result<> UpdateTenant(store::Transaction& transaction, const Tenant& tenant);
// At most page.limit + 1, by id.
Result<std::vector<Tenant>> ListTenants(store::Transaction& transaction, const Page& page);
Result<std::vector<TenantId>> AllTenants(store::Database& database);

// The rest works in the tenant of the transaction.
// False: the name is taken.
Result<bool> InsertToken(store::Transaction& transaction, const Credential& credential);
Result<std::optional<Credential>> FindToken(store::Transaction& transaction, const TenantId& tenant,
                                            const std::string& name);
Result<> DeleteToken(store::Transaction& transaction, const std::string& name);
Result<std::vector<Credential>> ListTokens(store::Transaction& transaction, const TenantId& tenant,
                                           const Page& page);

}  // namespace outrigger::model_api
