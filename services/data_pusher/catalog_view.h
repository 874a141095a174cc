// SPDX-License-Identifier: Apache-2.0
// CatalogView: the catalog as the pusher uses it, so that a sample finds its routes by one or two
// look-ups however many models and assets there are.
//
// Threads:  CatalogBuilder belongs to one thread; a snapshot may be read by anybody; CatalogView
//           may be used concurrently.
// See also: docs/formats/catalog.md
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data_pusher/route.h"
#include "data_pusher/sharded_map.h"
#include "outrigger/messaging/table.h"

namespace outrigger::data_pusher {

using RoutePtr = std::shared_ptr<const Route>;  // shared by snapshots and what is in flight

// A group that an asset takes part in.
struct RouteUse {
  RoutePtr route;
  const Group* group = nullptr;
};

// The catalog at one revision. Keys are TENANT/ID.
struct CatalogSnapshot {
  std::int64_t revision = 0;
  ShardedMap<std::shared_ptr<const Asset>> assets;
  ShardedMap<std::shared_ptr<const AssetType>> types;
  ShardedMap<RoutePtr> routes;  // by deployment, open or not
  ShardedMap<std::vector<RoutePtr>> routes_of_type;
  ShardedMap<std::vector<RouteUse>> uses_of_asset;       // of routes by assets
  ShardedMap<int> routes_of_model;                       // how many deployments
  std::map<std::string, int, std::less<>> history_days;  // of tenants that do not keep all

  // The oldest time of history that a tenant keeps; nullopt: all of it.
  std::optional<std::int64_t> KeptFrom(std::string_view tenant, std::int64_t now_ms) const;
  // The same of every tenant that does not keep all.
  std::map<std::string, std::int64_t, std::less<>> KeptFrom(std::int64_t now_ms) const;

  // The kind of an asset's telemetry; nullopt when it has none of this name.
  std::optional<ValueKind> KindOf(std::string_view tenant, const Asset& asset,
                                  std::string_view telemetry) const;
};
using SnapshotPtr = std::shared_ptr<const CatalogSnapshot>;

std::string CatalogKey(std::string_view tenant, std::string_view id);

// Applies catalog records; the pure part of CatalogView.
class CatalogBuilder {
 public:
  // A record that cannot be read is ignored and logged.
  void Apply(const messaging::Record& record);
  SnapshotPtr Publish();

 private:
  void ApplyTenant(std::string_view tenant, const messaging::Record& record);
  void ApplyRoute(std::string_view key, const messaging::Record& record, std::int64_t revision);
  void AddRoute(const RoutePtr& route);
  void RemoveRoute(const RoutePtr& route);

  CatalogSnapshot state_;
};

class CatalogView {
 public:
  static Result<std::unique_ptr<CatalogView>> Start(const messaging::KafkaOptions& kafka);

  SnapshotPtr Snapshot() const { return snapshot_.load(); }
  // Whether the catalog was read to its end once.
  bool Ready() const { return ready_; }
  // Waits until what was in the catalog when this was called is in Snapshot().
  // Errors: kUnavailable, kTimeout - Kafka is gone.
  Result<> ReadToEnd(std::chrono::milliseconds deadline);

 private:
  CatalogView() = default;
  void Publish();  // on the table's thread

  CatalogBuilder builder_;
  bool changed_ = false;
  std::atomic<bool> ready_{false};
  std::atomic<SnapshotPtr> snapshot_{std::make_shared<const CatalogSnapshot>()};
  std::unique_ptr<messaging::CompactedTable> table_;  // last: its thread uses the members above
};

}  // namespace outrigger::data_pusher
