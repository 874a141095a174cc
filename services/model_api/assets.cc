// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>

#include "model_api/asset_store.h"
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

constexpr std::size_t kMaxBulk = 10'000;

Judged<Asset> Existing(Context& context) {
  OR_ASSIGN(auto asset, FindAsset(context.transaction, context.Param("id")));
  if (!asset) return Missing();
  return *std::move(asset);
}

std::string EtagOfAsset(const Asset& asset) { return EtagOf(Dump(ToJson(asset))); }

// The assets of one document or a list, with all faults that the documents show by themselves.
std::vector<Asset> ReadAssets(const nlohmann::json& document, Faults& faults) {
  std::vector<Asset> assets;
  if (!document.is_array()) {
    assets.push_back(ReadAsset(document, "", std::nullopt, faults));
    return assets;
  }
  if (document.size() > kMaxBulk) {
    faults.push_back({"", "too-many",
                      "found " + std::to_string(document.size()) + " assets, allowed are " +
                          std::to_string(kMaxBulk)});
    return assets;
  }
  std::unordered_set<std::string> ids;
  for (std::size_t i = 0; i < document.size() && !Enough(faults); ++i) {
    const std::string pointer = PointerTo("", i);
    assets.push_back(ReadAsset(document[i], pointer, std::nullopt, faults));
    const Asset& asset = assets.back();
    if (!asset.id.empty() && !ids.insert(asset.id).second) {
      faults.push_back({PointerTo(pointer, "id"), "duplicate", "the id is in the list twice"});
    }
  }
  return assets;
}

// Checks each asset against its type; unknown types are faults too.
Judged<> CheckTypes(store::Transaction& transaction, const std::vector<Asset>& assets, bool list,
                    Faults& faults) {
  std::set<std::string> ids;
  for (const Asset& asset : assets) {
    if (!asset.type.empty()) ids.insert(asset.type);
  }
  OR_ASSIGN(auto found, FindAssetTypes(transaction, ids));
  std::map<std::string, AssetType> types;
  for (AssetType& type : found) types.emplace(type.id, std::move(type));
  for (std::size_t i = 0; i < assets.size() && !Enough(faults); ++i) {
    if (assets[i].type.empty()) continue;  // told when it was read
    const std::string pointer = list ? PointerTo("", i) : "";
    if (const auto type = types.find(assets[i].type); type != types.end()) {
      CheckAgainstType(assets[i], type->second, pointer, faults);
    } else {
      faults.push_back({PointerTo(pointer, "type"), "not-found", "there is no such asset type"});
    }
  }
  return {};
}

Judged<> RefuseTaken(const std::vector<Asset>& assets, const std::vector<std::string>& taken,
                     bool list) {
  if (taken.empty()) return {};
  Faults faults;
  const std::unordered_set<std::string> ids(taken.begin(), taken.end());
  for (std::size_t i = 0; i < assets.size() && !Enough(faults); ++i) {
    if (!ids.contains(assets[i].id)) continue;
    faults.push_back({PointerTo(list ? PointerTo("", i) : "", "id"), "taken",
                      "there is an asset " + assets[i].id});
  }
  return Taken(list ? std::to_string(taken.size()) + " of the ids are taken; nothing was made"
                    : "there is an asset " + taken[0],
               std::move(faults));
}

Answer Created(const std::vector<Asset>& assets, bool list) {
  if (!list) {
    Answer answer = ObjectAnswer(201, ToJson(assets[0]));
    answer.headers.emplace_back("Location", "/api/v1/assets/" + assets[0].id);
    return answer;
  }
  nlohmann::json items = nlohmann::json::array();
  for (const Asset& asset : assets) items.push_back(ToJson(asset));
  return Answer{
      .status = 201, .body = Dump(nlohmann::json{{"items", std::move(items)}}
           )
  };
}

// Why a mapped asset may not become this; empty when it may.
Result<std::string> WhyNotChange(store::Transaction& transaction, const Asset& old_asset,
                                 const Asset& asset, const AssetType& type) {
  OR_ASSIGN(const auto uses, MappingsNaming(transaction, asset.id));
  if (uses.empty()) return std::string();
  OR_ASSIGN(const auto old_type, FindAssetType(transaction, old_asset.type));
  const auto definition = [](const Asset& a, const AssetType& t, const std::string& name) {
    const Definition* own = Find(a.telemetries, name);
    return own ? own : Find(t.telemetries, name);
  };
  for (const AssetUse& use : uses) {
    if (use.telemetry.empty() || !old_type) continue;
    const Definition* before = definition(old_asset, *old_type, use.telemetry);
    const Definition* after = definition(asset, type, use.telemetry);
    if (!before || (after && *before == *after)) continue;
    return "the telemetry " + use.telemetry + " is mapped by the model " + use.model;
  }
  return std::string();
}

}  // namespace

Judged<Answer> PostAssets(Context& context) {
  const TenantId& tenant = context.caller.tenant;
  OR_ASSIGN(const nlohmann::json document, ReadBody(context, kBulkBytes));
  const bool list = document.is_array();
  if (!list) OR_RETURN_IF_ERROR(SizeOfBody(context.request, kDocumentBytes));
  Faults faults;
  std::vector<Asset> assets = ReadAssets(document, faults);
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, tenant));
  OR_RETURN_IF_ERROR(CheckTypes(context.transaction, assets, list, faults));
  if (!faults.empty()) return Invalid(std::move(faults));

  OR_ASSIGN(const auto taken, InsertAssets(context.transaction, tenant, assets));
  OR_RETURN_IF_ERROR(RefuseTaken(assets, taken, list));
  OR_ASSIGN(const bool mapped, AnyMapped(context.transaction, assets));
  if (mapped) OR_RETURN_IF_ERROR(CheckFlowOfAllModels(context.transaction));
  Answer answer = Created(assets, list);
  if (assets.empty()) return answer;
  OR_ASSIGN(answer.outbox_id, AnnounceAssets(context.transaction, tenant, assets));
  return answer;
}

Judged<Answer> ListAssetsPage(Context& context) {
  OR_ASSIGN(const Page page, PageOf(context.request));
  std::optional<std::string> type;
  if (const auto wanted = context.request.Query("type")) type = std::string(*wanted);
  OR_ASSIGN(const auto assets, ListAssets(context.transaction, type, page));
  std::vector<std::pair<std::string, nlohmann::json>> found;
  for (const Asset& asset : assets.rows) found.emplace_back(asset.id, ToJson(asset));
  return Answer{.body = ListBody(page, std::move(found), assets.cut)};
}

Judged<Answer> GetAsset(Context& context) {
  OR_ASSIGN(const Asset asset, Existing(context));
  return ObjectAnswer(200, ToJson(asset));
}

Judged<Answer> PutAsset(Context& context) {
  const TenantId& tenant = context.caller.tenant;
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, tenant));
  OR_ASSIGN(const Asset old_asset, Existing(context));
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfAsset(old_asset)));
  OR_ASSIGN(const nlohmann::json document, ReadBody(context));
  Faults faults;
  Asset asset = ReadAsset(document, "", old_asset.id, faults);
  OR_RETURN_IF_ERROR(CheckTypes(context.transaction, {asset}, false, faults));
  if (!faults.empty()) return Invalid(std::move(faults));
  OR_ASSIGN(const auto type, FindAssetType(context.transaction, asset.type));
  OR_ASSIGN(const std::string why_not,
            WhyNotChange(context.transaction, old_asset, asset, type.value()));
  if (!why_not.empty()) {
    return InUse("the asset " + asset.id + " cannot change so: " + why_not,
                 "change what uses it first");
  }
  OR_RETURN_IF_ERROR(UpdateAsset(context.transaction, asset));
  OR_RETURN_IF_ERROR(
      ReplaceDefinitions(context.transaction, tenant, "asset", asset.id, asset.telemetries));
  if (asset.type != old_asset.type) OR_RETURN_IF_ERROR(CheckFlowOfAllModels(context.transaction));
  Answer answer = ObjectAnswer(200, ToJson(asset));
  OR_ASSIGN(answer.outbox_id,
            AnnounceAssets(context.transaction, tenant, std::span(&asset, std::size_t{1})));
  return answer;
}

Judged<Answer> RemoveAsset(Context& context) {
  const TenantId& tenant = context.caller.tenant;
  OR_RETURN_IF_ERROR(LockInventory(context.transaction, tenant));
  OR_ASSIGN(const Asset asset, Existing(context));
  OR_ASSIGN(const auto uses, MappingsNaming(context.transaction, asset.id));
  if (!uses.empty()) {
    return InUse("the asset " + asset.id + " is named by the mapping of the model " + uses[0].model,
                 "change the mapping or remove the model first");
  }
  OR_RETURN_IF_ERROR(CheckIfMatch(context.request, EtagOfAsset(asset)));
  OR_RETURN_IF_ERROR(ReadNoBody(context));
  OR_RETURN_IF_ERROR(DeleteAsset(context.transaction, asset.id));
  OR_ASSIGN(const std::int64_t outbox,
            AnnounceGone(context.transaction, tenant, "asset", asset.id));
  return Answer{.status = 204, .outbox_id = outbox};
}

}  // namespace outrigger::model_api
