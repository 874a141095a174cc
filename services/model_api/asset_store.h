// SPDX-License-Identifier: Apache-2.0
// Assets in PostgreSQL, in the tenant of the transaction.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model_api/inventory.h"
#include "model_api/paging.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// All or none. Returns the ids that are taken; then nothing was inserted. Attributes become what
// was stored: PostgreSQL writes numbers in its own way.
Result<std::vector<std::string>> InsertAssets(store::Transaction& transaction,
                                              const TenantId& tenant, std::span<Asset> assets);
// The same of one that is there.
Result<> UpdateAsset(store::Transaction& transaction, Asset& asset);
Result<> DeleteAsset(store::Transaction& transaction, const std::string& id);
Result<std::optional<Asset>> FindAsset(store::Transaction& transaction, const std::string& id);
// At most page.limit + 1, by id, or fewer where they are large; of one type when given.
Result<Slice<Asset>> ListAssets(store::Transaction& transaction,
                                const std::optional<std::string>& type, const Page& page);

// A mapping that names the asset (not one that was exploded from its type).
struct AssetUse {
  std::string model;
  std::string telemetry;  // empty: as a subject only
};
Result<std::vector<AssetUse>> MappingsNaming(store::Transaction& transaction,
                                             const std::string& id);

// Whether any mapping names one of the assets.
Result<bool> AnyMapped(store::Transaction& transaction, std::span<const Asset> assets);

}  // namespace outrigger::model_api
