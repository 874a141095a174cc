// SPDX-License-Identifier: Apache-2.0
// Container registries in PostgreSQL, in the tenant of the transaction. Passwords are sealed before
// they get here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model_api/paging.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

struct Registry {
  std::string name;
  std::string registry;
  std::string username;
  std::string password_sealed;  // empty: there is none
  std::string owner_model;      // empty: made by itself
};

// What a sealed password belongs to: moved elsewhere it cannot be opened.
std::string RegistryContext(const TenantId& tenant, const std::string& name);

// False: the name is taken.
Result<bool> InsertRegistry(store::Transaction& transaction, const TenantId& tenant,
                            const Registry& registry);
// Makes it or replaces it. Errors: kConflict - the one that is there has another owner.
Result<> PutRegistry(store::Transaction& transaction, const TenantId& tenant,
                     const Registry& registry);
Result<std::optional<Registry>> FindRegistry(store::Transaction& transaction,
                                             const std::string& name);
Result<std::vector<Registry>> ListRegistriesFrom(store::Transaction& transaction, const Page& page);
Result<> DeleteRegistryRow(store::Transaction& transaction, const std::string& name);
// A model whose manifest refers to the registry, by name or by being its model.
Result<std::optional<std::string>> ModelUsingRegistry(store::Transaction& transaction,
                                                      const std::string& name);

}  // namespace outrigger::model_api
