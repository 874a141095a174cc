// SPDX-License-Identifier: Apache-2.0
// What the data plane must be told of the inventory and of credentials, put into the outbox in the
// transaction that changes them.
//
// Each function returns the outbox id to wait for.
// See also: docs/formats/catalog.md, docs/formats/credentials.md
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model_api/inventory.h"
#include "model_api/role.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

Result<std::int64_t> AnnounceAssetType(store::Transaction& transaction, const TenantId& tenant,
                                       const AssetType& type);
Result<std::int64_t> AnnounceAssets(store::Transaction& transaction, const TenantId& tenant,
                                    std::span<const Asset> assets);
// A tombstone. `kind`: "asset-type" or "asset".
Result<std::int64_t> AnnounceGone(store::Transaction& transaction, const TenantId& tenant,
                                  std::string_view kind, const std::string& id);

struct Tenant {
  TenantId id;
  std::optional<std::int64_t> history_days;  // nullopt: history is kept for ever
};
// What the tenant has set, or a tombstone when that is nothing. The transaction is turned to it.
Result<std::int64_t> AnnounceTenant(store::Transaction& transaction, const Tenant& tenant);

struct Credential {
  std::string hash;  // SHA-256 of the token, hex
  TenantId tenant;
  std::string name;
  Role role = Role::kViewer;
  std::optional<std::int64_t> expires_ms;
};
Result<std::int64_t> AnnounceCredential(store::Transaction& transaction,
                                        const Credential& credential);
Result<std::int64_t> AnnounceRevoked(store::Transaction& transaction, const std::string& hash);

}  // namespace outrigger::model_api
