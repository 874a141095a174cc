// SPDX-License-Identifier: Apache-2.0
// Asset types in PostgreSQL, in the tenant of the transaction.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model_api/inventory.h"
#include "model_api/paging.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// Serialises every change of types, assets and mappings of a tenant until the end of the
// transaction, so that checks over several of them hold when they are committed.
Result<> LockInventory(store::Transaction& transaction, const TenantId& tenant);

// False: the id is taken, and nothing was changed.
Result<bool> InsertAssetType(store::Transaction& transaction, const TenantId& tenant,
                             const AssetType& type);
Result<> UpdateAssetType(store::Transaction& transaction, const AssetType& type);
Result<> DeleteAssetType(store::Transaction& transaction, const std::string& id);
Result<std::optional<AssetType>> FindAssetType(store::Transaction& transaction,
                                               const std::string& id);
// Those of `ids` that exist.
Result<std::vector<AssetType>> FindAssetTypes(store::Transaction& transaction,
                                              const std::set<std::string>& ids);
// At most page.limit + 1, by id, or fewer where they are large.
Result<Slice<AssetType>> ListAssetTypes(store::Transaction& transaction, const Page& page);

// Who keeps a type from going: an asset of it, or a model mapped to it.
struct TypeUse {
  std::string asset;
  std::string model;
};
Result<std::optional<TypeUse>> FindTypeUse(store::Transaction& transaction, const std::string& id);

// Telemetries of the type that mappings name, by type or by one of its assets, with a model each.
struct TelemetryUse {
  std::string telemetry;
  std::string model;
};
Result<std::vector<TelemetryUse>> MappedTelemetriesOfType(store::Transaction& transaction,
                                                          const std::string& id);
// An asset of the type that has a value for this attribute, or a telemetry of its own with this
// name.
Result<std::optional<std::string>> AssetWithAttribute(store::Transaction& transaction,
                                                      const std::string& type,
                                                      const std::string& attribute);
Result<std::optional<std::string>> AssetWithTelemetry(store::Transaction& transaction,
                                                      const std::string& type,
                                                      const std::string& telemetry);

// Replaces the definitions of a type ("type") or of assets ("asset").
Result<> ReplaceDefinitions(store::Transaction& transaction, const TenantId& tenant,
                            std::string_view owner_kind, const std::string& owner,
                            const Definitions& definitions);

}  // namespace outrigger::model_api
