// SPDX-License-Identifier: Apache-2.0
// The mappings of all models of a tenant, in whatever state, so that one mapping can be checked
// against the others.
//
// Requires: the tenant's inventory lock, or what was read may be old when it is used.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "outrigger/manifest/mapping.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

struct MappedModels {
  std::vector<std::pair<std::string, manifest::Mapping>> models;
  manifest::TypeOfAsset types;  // of every asset that one of them names

  // Valid as long as this object.
  std::vector<manifest::MappedModel> Views() const;
};

// All mapped models but `except` (empty: none), and the types of `also` too.
Result<MappedModels> LoadMappedModels(store::Transaction& transaction, const std::string& except,
                                      const std::set<std::string>& also = {});

// Replaces the stored sides of a model's mapping.
Result<> StoreSides(store::Transaction& transaction, const TenantId& tenant,
                    const std::string& model, const manifest::Mapping& mapping);
Result<> DropSides(store::Transaction& transaction, const std::string& model);

// Types and assets for manifest::CheckMapping(), of the transaction's tenant.
class StoredDefinitions final : public manifest::DefinitionSource {
 public:
  explicit StoredDefinitions(store::Transaction& transaction) : transaction_(transaction) {}
  Result<std::map<std::string, manifest::AssetDefinition>> Assets(
      const std::set<std::string>& ids) override;
  Result<std::map<std::string, manifest::TypeDefinition>> Types(
      const std::set<std::string>& ids) override;

 private:
  store::Transaction& transaction_;
};

}  // namespace outrigger::model_api
