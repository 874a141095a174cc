// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/route.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::data_pusher {
namespace {

using nlohmann::json;

// Runs `parse` on the document; a member of the wrong shape is a corrupt record.
template <typename T, typename Parse>
Result<T> FromJson(std::string_view text, Parse parse) {
  JsonLimits limits;
  limits.bytes = 16 << 20;
  auto document = ParseJsonOr(text, limits);
  if (!document) return Error(ErrorCode::kCorrupt, document.error().message());
  try {
    return parse(*document);
  } catch (const json::exception& e) {
    return Error(ErrorCode::kCorrupt, e.what());
  }
}

std::map<std::string, ValueKind, std::less<>> ParseTelemetries(const json& document) {
  std::map<std::string, ValueKind, std::less<>> telemetries;
  const auto list = document.find("telemetries");
  if (list == document.end() || list->is_null()) return telemetries;
  for (const json& each : *list) {
    const auto kind = ValueKindFrom(each.at("type").get<std::string>());
    if (kind) telemetries[each.at("name").get<std::string>()] = *kind;
  }
  return telemetries;
}

std::vector<Binding> ParseBindings(const json& sides) {
  std::vector<Binding> bindings;
  for (const auto& [column, side] : sides.items()) {
    Binding& binding = bindings.emplace_back();
    binding.column = column;
    binding.asset = side.value("asset", std::string());
    binding.telemetry = side.at("telemetry").get<std::string>();
    binding.kind =
        ValueKindFrom(side.value("type", std::string("number"))).value_or(ValueKind::kNumber);
    binding.scale = side.value("scale", 1.0);
    binding.offset = side.value("offset", 0.0);
  }
  return bindings;
}

Group ParseGroup(const json& document) {
  Group group;
  group.subject = document.value("subject", std::string());
  group.inputs = ParseBindings(document.at("inputs"));
  group.outputs = ParseBindings(document.at("outputs"));
  return group;
}

}  // namespace

std::optional<ValueKind> ValueKindFrom(std::string_view name) {
  if (name == "number") return ValueKind::kNumber;
  if (name == "string") return ValueKind::kString;
  if (name == "boolean") return ValueKind::kBoolean;
  return std::nullopt;
}

Result<TenantSettings> ParseTenantSettings(std::string_view text) {
  return FromJson<TenantSettings>(text, [](const json& document) -> Result<TenantSettings> {
    const int days = document.at("retention").at("historyDays").get<int>();
    if (days < 1) return Error(ErrorCode::kCorrupt, "fewer than one day of history");
    return TenantSettings{days};
  });
}

Result<AssetType> ParseAssetType(std::string_view text) {
  return FromJson<AssetType>(text, [](const json& document) -> Result<AssetType> {
    return AssetType{ParseTelemetries(document)};
  });
}

Result<Asset> ParseAsset(std::string_view text) {
  return FromJson<Asset>(text, [](const json& document) -> Result<Asset> {
    return Asset{document.at("type").get<std::string>(), ParseTelemetries(document)};
  });
}

Result<Route> ParseRoute(std::string_view text, std::int64_t revision) {
  return FromJson<Route>(text, [&](const json& document) -> Result<Route> {
    Route route;
    route.deployment = document.at("deployment").get<std::string>();
    route.tenant = document.at("tenant").get<std::string>();
    route.model = document.at("model").get<std::string>();
    route.open = document.at("open").get<bool>();
    route.feed_topic = document.at("feed").at("topic").get<std::string>();
    route.revision = revision;
    if (const auto groups = document.find("groups");
        groups != document.end() && !groups->is_null()) {
      for (const json& group : *groups) route.groups.push_back(ParseGroup(group));
    } else {
      route.asset_type = document.at("assetType").get<std::string>();
      route.groups.push_back(ParseGroup(document));
      route.groups.back().subject.clear();
    }
    return route;
  });
}

}  // namespace outrigger::data_pusher
