// SPDX-License-Identifier: Apache-2.0
// What the catalog says, as values: definitions of asset types and assets, and routes, so that
// nobody but the parser knows its JSON.
//
// Threads:  plain values, shared read-only.
// See also: docs/formats/catalog.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/result.h"

namespace outrigger::data_pusher {

enum class ValueKind { kNumber, kString, kBoolean };
std::optional<ValueKind> ValueKindFrom(std::string_view name);

struct AssetType {
  std::map<std::string, ValueKind, std::less<>> telemetries;
};

struct Asset {
  std::string type;
  std::map<std::string, ValueKind, std::less<>> telemetries;  // extra ones
};

// One side of a mapping. A number passes as value × scale + offset.
struct Binding {
  std::string column;  // the model's input or output
  std::string asset;   // empty: the subject
  std::string telemetry;
  ValueKind kind = ValueKind::kNumber;  // of outputs
  double scale = 1;
  double offset = 0;
  bool converts() const { return scale != 1 || offset != 0; }
};

// A row's worth of mapping. By assets: one a group. By type: one, for every asset of the type.
struct Group {
  std::string subject;  // empty: the asset itself (by type)
  std::vector<Binding> inputs;
  std::vector<Binding> outputs;
};

struct Route {
  std::string deployment;
  std::string tenant;
  std::string model;
  bool open = false;
  std::string feed_topic;
  std::string asset_type;  // empty: by assets
  std::vector<Group> groups;
  std::int64_t revision = 0;
};

// What a tenant has set for itself.
struct TenantSettings {
  std::optional<int> history_days;  // nullopt: history is kept for ever
};

// Errors: kCorrupt.
Result<TenantSettings> ParseTenantSettings(std::string_view json);
Result<AssetType> ParseAssetType(std::string_view json);
Result<Asset> ParseAsset(std::string_view json);
Result<Route> ParseRoute(std::string_view json, std::int64_t revision);

}  // namespace outrigger::data_pusher
