// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/catalog_view.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "data_pusher/read_table.h"
#include "outrigger/base/log.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

std::int64_t RevisionOf(const messaging::Record& record) {
  std::int64_t revision = 0;
  if (const auto text = messaging::FindHeader(record.headers, "revision")) {
    std::from_chars(text->data(), text->data() + text->size(), revision);
  }
  return revision;
}

// The assets that a group by assets reads.
std::vector<std::string> InputAssets(const Group& group) {
  std::vector<std::string> assets;
  for (const Binding& input : group.inputs) {
    if (std::ranges::find(assets, input.asset) == assets.end()) assets.push_back(input.asset);
  }
  return assets;
}

// Parses a definition into `map`, or drops it on a tombstone.
template <typename T, typename Parse>
void Define(ShardedMap<std::shared_ptr<const T>>& map, std::string_view key,
            const messaging::Record& record, Parse parse) {
  if (!record.value) {
    map.Erase(key);
    return;
  }
  Result<T> parsed = parse(*record.value);
  if (!parsed) {
    LogWarning("catalog record ignored", {
                                             {"key", *record.key},
                                             parsed.error()
    });
    return;
  }
  map.Set(key, std::make_shared<const T>(*std::move(parsed)));
}

}  // namespace

std::string CatalogKey(std::string_view tenant, std::string_view id) {
  std::string key;
  key.reserve(tenant.size() + id.size() + 1);
  key.append(tenant).append("/").append(id);
  return key;
}

std::optional<ValueKind> CatalogSnapshot::KindOf(std::string_view tenant, const Asset& asset,
                                                 std::string_view telemetry) const {
  if (const auto own = asset.telemetries.find(telemetry); own != asset.telemetries.end()) {
    return own->second;
  }
  const auto* type = types.Find(CatalogKey(tenant, asset.type));
  if (type == nullptr) return std::nullopt;
  const auto found = (*type)->telemetries.find(telemetry);
  if (found == (*type)->telemetries.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> CatalogSnapshot::KeptFrom(std::string_view tenant,
                                                      std::int64_t now_ms) const {
  const auto days = history_days.find(tenant);
  if (days == history_days.end()) return std::nullopt;
  return now_ms - days->second * kDayMs;
}

std::map<std::string, std::int64_t, std::less<>> CatalogSnapshot::KeptFrom(
    std::int64_t now_ms) const {
  std::map<std::string, std::int64_t, std::less<>> kept;
  for (const auto& [tenant, days] : history_days) kept[tenant] = now_ms - days * kDayMs;
  return kept;
}

void CatalogBuilder::Apply(const messaging::Record& record) {
  if (!record.key) return;
  const std::int64_t revision = RevisionOf(record);
  state_.revision = std::max(state_.revision, revision);
  const std::string_view whole = *record.key;
  const std::size_t slash = whole.find('/');
  if (slash == std::string_view::npos) return;
  const std::string_view kind = whole.substr(0, slash);
  const std::string_view key = whole.substr(slash + 1);
  if (kind == "asset") {
    Define(state_.assets, key, record, ParseAsset);
  } else if (kind == "asset-type") {
    Define(state_.types, key, record, ParseAssetType);
  } else if (kind == "route") {
    ApplyRoute(key, record, revision);
  } else if (kind == "tenant") {
    ApplyTenant(key.substr(0, key.find('/')), record);
  }
}

void CatalogBuilder::ApplyTenant(std::string_view tenant, const messaging::Record& record) {
  std::optional<int> days;
  if (record.value) {
    const Result<TenantSettings> parsed = ParseTenantSettings(*record.value);
    if (!parsed) {
      // Nothing is removed by a setting that nobody can read.
      LogWarning("settings of a tenant ignored, its history is kept",
                 {
                     {"key", *record.key},
                     parsed.error()
      });
    } else {
      days = parsed->history_days;
    }
  }
  if (days) {
    state_.history_days.insert_or_assign(std::string(tenant), *days);
  } else if (const auto old = state_.history_days.find(tenant); old != state_.history_days.end()) {
    state_.history_days.erase(old);
  }
}

void CatalogBuilder::ApplyRoute(std::string_view key, const messaging::Record& record,
                                std::int64_t revision) {
  RoutePtr route;
  if (record.value) {
    Result<Route> parsed = ParseRoute(*record.value, revision);
    if (!parsed || CatalogKey(parsed->tenant, parsed->deployment) != key) {
      LogWarning("catalog route ignored", {
                                              {"key", *record.key}
      });
      return;
    }
    route = std::make_shared<const Route>(*std::move(parsed));
  }
  if (const RoutePtr* old = state_.routes.Find(key)) RemoveRoute(RoutePtr(*old));
  state_.routes.Erase(key);
  if (route == nullptr) return;
  state_.routes.Set(key, route);
  AddRoute(route);
}

void CatalogBuilder::AddRoute(const RoutePtr& route) {
  const std::string model = CatalogKey(route->tenant, route->model);
  const int* count = state_.routes_of_model.Find(model);
  state_.routes_of_model.Set(model, (count == nullptr ? 0 : *count) + 1);
  if (!route->asset_type.empty()) {
    const std::string type = CatalogKey(route->tenant, route->asset_type);
    const auto* routes = state_.routes_of_type.Find(type);
    auto changed = routes == nullptr ? std::vector<RoutePtr>() : *routes;
    changed.push_back(route);
    state_.routes_of_type.Set(type, std::move(changed));
    return;
  }
  for (const Group& group : route->groups) {
    for (const std::string& asset : InputAssets(group)) {
      const std::string key = CatalogKey(route->tenant, asset);
      const auto* uses = state_.uses_of_asset.Find(key);
      auto changed = uses == nullptr ? std::vector<RouteUse>() : *uses;
      changed.push_back({route, &group});
      state_.uses_of_asset.Set(key, std::move(changed));
    }
  }
}

void CatalogBuilder::RemoveRoute(const RoutePtr& route) {
  const std::string model = CatalogKey(route->tenant, route->model);
  if (const int* count = state_.routes_of_model.Find(model)) {
    if (const int left = *count - 1; left > 0) {
      state_.routes_of_model.Set(model, left);
    } else {
      state_.routes_of_model.Erase(model);
    }
  }
  if (!route->asset_type.empty()) {
    const std::string type = CatalogKey(route->tenant, route->asset_type);
    if (const auto* routes = state_.routes_of_type.Find(type)) {
      auto changed = *routes;
      std::erase(changed, route);
      state_.routes_of_type.Set(type, std::move(changed));
    }
    return;
  }
  for (const Group& group : route->groups) {
    for (const std::string& asset : InputAssets(group)) {
      const std::string key = CatalogKey(route->tenant, asset);
      if (const auto* uses = state_.uses_of_asset.Find(key)) {
        auto changed = *uses;
        std::erase_if(changed, [&](const RouteUse& use) { return use.route == route; });
        state_.uses_of_asset.Set(key, std::move(changed));
      }
    }
  }
}

SnapshotPtr CatalogBuilder::Publish() {
  auto snapshot = std::make_shared<CatalogSnapshot>();
  snapshot->revision = state_.revision;
  snapshot->assets = state_.assets.Freeze();
  snapshot->types = state_.types.Freeze();
  snapshot->routes = state_.routes.Freeze();
  snapshot->routes_of_type = state_.routes_of_type.Freeze();
  snapshot->uses_of_asset = state_.uses_of_asset.Freeze();
  snapshot->history_days = state_.history_days;
  snapshot->routes_of_model = state_.routes_of_model.Freeze();
  return snapshot;
}

Result<std::unique_ptr<CatalogView>> CatalogView::Start(const messaging::KafkaOptions& kafka) {
  std::unique_ptr<CatalogView> view(new CatalogView());
  CatalogView* const self = view.get();
  OR_ASSIGN(view->table_, messaging::CompactedTable::Start(
                              kafka, "catalog",
                              [self](const messaging::Record& record) {
                                self->builder_.Apply(record);
                                self->changed_ = true;
                              },
                              [self] {
                                self->Publish();
                                self->ready_ = true;
                              }));
  return view;
}

void CatalogView::Publish() {
  if (!std::exchange(changed_, false)) return;
  snapshot_.store(builder_.Publish());
}

Result<> CatalogView::ReadToEnd(std::chrono::milliseconds deadline) {
  return ReadTable(*table_, deadline, [this] { Publish(); });
}

}  // namespace outrigger::data_pusher
