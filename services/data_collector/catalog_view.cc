// SPDX-License-Identifier: Apache-2.0
#include "data_collector/catalog_view.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::data_collector {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAsset = "asset";
constexpr std::string_view kAssetType = "asset-type";
constexpr JsonLimits kLimits{.bytes = 17u << 20, .depth = 32, .comments = false};

std::optional<TelemetryType> TypeOf(std::string_view name) {
  if (name == "number") return TelemetryType::kNumber;
  if (name == "string") return TelemetryType::kString;
  if (name == "boolean") return TelemetryType::kBoolean;
  return std::nullopt;
}

std::string TextOf(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::shared_ptr<const Telemetries> TelemetriesOf(const Json& object) {
  auto out = std::make_shared<Telemetries>();
  const auto list = object.find("telemetries");
  if (list == object.end() || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (!item.is_object()) continue;
    const auto type = TypeOf(TextOf(item, "type"));
    if (type)
      out->insert_or_assign(TextOf(item, "name"), TelemetryDefinition{*type, TextOf(item, "unit")});
  }
  return out;
}

}  // namespace

const TelemetryDefinition* AssetDefinition::Find(std::string_view name) const {
  for (const Telemetries* part : {own_.get(), of_type_.get()}) {
    if (!part) continue;
    if (const auto at = part->find(name); at != part->end()) return &at->second;
  }
  return nullptr;
}

void CatalogView::Apply(const messaging::Record& record) {
  const std::string_view key = record.key ? std::string_view(*record.key) : std::string_view();
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return;
  const std::string_view kind = key.substr(0, slash);
  if (kind != kAsset && kind != kAssetType) return;
  const std::string rest(key.substr(slash + 1));  // TENANT/ID
  if (record.value) return Replace(kind, rest, rest.substr(0, rest.find('/')), *record.value);
  const std::unique_lock lock(mutex_);
  if (kind == kAsset) {
    assets_.erase(rest);
  } else {
    types_.erase(rest);
  }
}

void CatalogView::Replace(std::string_view kind, const std::string& key, std::string_view tenant,
                          const std::string& value) {
  const auto document = ParseJsonOr(value, kLimits);
  if (!document.ok() || !document->is_object()) {
    LogError("catalog record is broken", {
                                             {"key", key}
    });
    return;
  }
  auto telemetries = TelemetriesOf(*document);
  const std::unique_lock lock(mutex_);
  if (kind == kAssetType) {
    types_.insert_or_assign(key, std::move(telemetries));
    return;
  }
  if (telemetries->empty()) telemetries.reset();  // the usual case: the type's only
  assets_.insert_or_assign(
      key, Asset{std::string(tenant) + "/" + TextOf(*document, "type"), std::move(telemetries)});
}

std::optional<AssetDefinition> CatalogView::Find(std::string_view tenant,
                                                 std::string_view asset) const {
  std::string key;
  key.reserve(tenant.size() + asset.size() + 1);
  key.append(tenant).append("/").append(asset);
  const std::shared_lock lock(mutex_);
  const auto found = assets_.find(key);
  if (found == assets_.end()) return std::nullopt;
  const auto type = types_.find(found->second.type);
  if (type == types_.end()) return std::nullopt;
  return AssetDefinition(type->second, found->second.own);
}

std::size_t CatalogView::assets() const {
  const std::shared_lock lock(mutex_);
  return assets_.size();
}

}  // namespace outrigger::data_collector
