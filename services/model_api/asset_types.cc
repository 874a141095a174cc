// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "model_api/asset_type_store.h"
#include "model_api/catalog_store.h"
#include "model_api/etag.h"
#include "model_api/handlers.h"
#include "model_api/inventory_rules.h"
#include "model_api/paging.h"
#include "model_api/problems.h"
#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

Judged<AssetType> Existing(Context& context) {
  OR_ASSIGN(auto type, FindAssetType(context.transaction, context.Param("id")));
  if (!type) return Missing();
  return *std::move(type);
}

std::string EtagOfType(const AssetType& type) { return EtagOf(Dump(ToJson(type))); }

// Why the definitions may not change so; nullopt when they may.
Result<std::optional<std::string>> WhyNotChange(store::Transaction& transaction,
                                                const AssetType& old_type,
                                                const AssetType& new_type) {
  OR_ASSIGN(const auto uses, MappedTelemetriesOfType(transaction, old_type.id));
  for (const TelemetryUse& use : uses) {
    const Definition* before = Find(old_type.telemetries, use.telemetry);
    const Definition* after = Find(new_type.telemetries, use.telemetry);
    if (!before || (after && *before == *after)) continue;
    return std::optional("the telemetry " + use.telemetry + " is mapped by the model " + use.model);
  }
  for (const Definition& before : old_type.attributes) {
    const Definition* after = Find(new_type.attributes, before.name);
    if (after && after->type == before.type) continue;
    OR_ASSIGN(const auto asset, AssetWithAttribute(transaction, old_type.id, before.name));
    if (asset) {
      return std::optional("the asset " + *asset + " has a value for the attribute " + before.name);
    }
  }
  for (const Definition& after : new_type.telemetries) {
    if (Find(old_type.telemetries, after.name)) continue;
    OR_ASSIGN(const auto asset, AssetWithTelemetry(transaction, old_type.id, after.name));
    if (asset) {
      return std::optional("the asset " + *asset + " has a telemetry " + after.name +
                           " of its own");
    }
  }
  return std::optional<std::string>();
}

}  // namespace

Judged<Answer> PostAssetType(Context& context) {
  OR_ASSIGN(const nlohmann::json document, ReadBody(context));
  Faults faults;
  const AssetType type = ReadAssetType(document, std::nullopt, faults);
  if (!faults.empty()) return Invalid(std::move(faults));

  const TenantId& tenant = context.caller.tenant;
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, tenant));
  OR_ASSIGN(const bool made, InsertAssetType(context.transaction, tenant, type));
  if (!made) return Taken("there is an asset type " + type.id);
  OR_ASSIGN(const std::int64_t outbox, AnnounceAssetType(context.transaction, tenant, type));
  Answer answer = ObjectAnswer(201, ToJson(type));
  answer.headers.emplace_back("Location", "/api/v1/asset-types/" + type.id);
  answer.outbox_id = outbox;
  return answer;
}

Judged<Answer> ListTypes(Context& context) {
  OR_ASSIGN(const Page page, PageOf(context.request));
  OR_ASSIGN(const auto types, ListAssetTypes(context.transaction, page));
  std::vector<std::pair<std::string, nlohmann::json>> found;
  for (const AssetType& type : types.rows) found.emplace_back(type.id, ToJson(type));
  return Answer{.body = ListBody(page, std::move(found), types.cut)};
}

Judged<Answer> GetAssetType(Context& context) {
  OR_ASSIGN(const AssetType type, Existing(context));
  return ObjectAnswer(200, ToJson(type));
}

Judged<Answer> PutAssetType(Context& context) {
  const TenantId& tenant = context.caller.tenant;
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, tenant));
  OR_ASSIGN(const AssetType old_type, Existing(context));
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfType(old_type)));
  OR_ASSIGN(const nlohmann::json document, ReadBody(context));
  Faults faults;
  const AssetType type = ReadAssetType(document, old_type.id, faults);
  if (!faults.empty()) return Invalid(std::move(faults));
  OR_ASSIGN(const auto why_not, WhyNotChange(context.transaction, old_type, type));
  if (why_not) {
    return InUse("the asset type " + type.id + " cannot change so: " + *why_not,
                 "change what uses it first");
  }
  OR_RETURN_IF_ERROR(UpdateAssetType(context.transaction, type));
  OR_RETURN_IF_ERROR(
      ReplaceDefinitions(context.transaction, tenant, "type", type.id, type.telemetries));
  OR_ASSIGN(const std::int64_t outbox, AnnounceAssetType(context.transaction, tenant, type));
  Answer answer = ObjectAnswer(200, ToJson(type));
  answer.outbox_id = outbox;
  return answer;
}

Judged<Answer> RemoveAssetType(Context& context) {
  const TenantId& tenant = context.caller.tenant;
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, tenant));
  OR_ASSIGN(const AssetType type, Existing(context));
  OR_ASSIGN(const auto use, FindTypeUse(context.transaction, type.id));
  if (use) {
    return InUse("the asset type " + type.id + " is in use by " +
                     (use->asset.empty() ? "the mapping of the model " + use->model
                                         : "the asset " + use->asset),
                 "remove what uses it first");
  }
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfType(type)));
  OR_RETURN_IF_ERROR(ReadNoBody(context));
  OR_RETURN_IF_ERROR(DeleteAssetType(context.transaction, type.id));
  OR_ASSIGN(const std::int64_t outbox,
            AnnounceGone(context.transaction, tenant, "asset-type", type.id));
  return Answer{.status = 204, .outbox_id = outbox};
}

}  // namespace outrigger::model_api
