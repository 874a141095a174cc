// SPDX-License-Identifier: Apache-2.0
// Models in PostgreSQL, in the tenant of the transaction. Their states are changed by sagas only
// (libs/lifecycle); here are their documents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model_api/paging.h"
#include "outrigger/manifest/manifest.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

struct ModelRow {
  std::string name;
  std::string uid;
  std::string version;
  std::int64_t generation = 1;
  std::string manifest;                 // JSON text, as shown
  std::optional<std::string> mappings;  // JSON text, as submitted
  std::string warnings = "[]";
  std::string state;
  std::string reason;
  std::string message;
  std::int64_t since_ms = 0;
  std::string deployment;  // empty: none
  std::int64_t observed_generation = 0;
  std::int64_t assets = 0;  // subjects: as deployed, else as mapped now
};

// `lock`: nobody else changes the row until the end of the transaction.
enum class RowLock { kNone, kUpdate };
Result<std::optional<ModelRow>> FindModel(store::Transaction& transaction, const std::string& name,
                                          RowLock lock);
// At most page.limit + 1, by name, or fewer where their documents are large.
Result<Slice<ModelRow>> ListModelRows(store::Transaction& transaction,
                                      const std::optional<std::string>& state, const Page& page);

// False: the name is taken.
Result<bool> InsertModel(store::Transaction& transaction, const TenantId& tenant,
                         const std::string& name, const manifest::Manifest& manifest,
                         const std::string& document, const std::string& warnings);
// The next generation with another manifest.
Result<> UpdateManifest(store::Transaction& transaction, const TenantId& tenant,
                        const std::string& name, const manifest::Manifest& manifest,
                        const std::string& document, const std::string& warnings);
// The next generation with another mapping document; nullopt drops it (without a new generation).
Result<> UpdateMappings(store::Transaction& transaction, const std::string& name,
                        const std::optional<std::string>& document);

}  // namespace outrigger::model_api
