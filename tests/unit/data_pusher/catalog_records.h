// SPDX-License-Identifier: Apache-2.0
// Catalog, telemetry and output records as the topics carry them, for tests of the pusher.
#pragma once

#include <string>
#include <utility>

#include "data_pusher/catalog_view.h"
#include "outrigger/messaging/record.h"

namespace outrigger::data_pusher::testing {

inline messaging::Record CatalogRecord(const std::string& key, const std::string& value,
                                       int revision) {
  messaging::Record record;
  record.topic = "catalog";
  record.key = key;
  if (!value.empty()) record.value = value;
  record.headers.emplace_back("revision", std::to_string(revision));
  return record;
}

inline messaging::Record SampleRecord(const std::string& key, const std::string& value) {
  messaging::Record record;
  record.topic = "telemetry";
  record.key = key;
  record.value = value;
  return record;
}

inline messaging::Record OutputOf(const std::string& deployment, const std::string& value) {
  messaging::Record record;
  record.topic = "out.t1";
  record.partition = 2;
  record.offset = 17;
  record.key = "x1";
  record.value = value;
  record.headers = {
      {"model",      "m"          },
      {"deployment", deployment   },
      {"ce_id",      "d1/0:1-1/x1"}
  };
  return record;
}

inline constexpr char kType[] =
    R"({"id":"arm","name":"Arm","telemetries":[{"name":"Temperature","type":"number","unit":"Cel"},
        {"name":"Speed","type":"number"},{"name":"Level","type":"string"}]})";
inline constexpr char kAsset[] = R"({"id":"x1","name":"X1","type":"arm","attributes":{},
        "telemetries":[{"name":"Door","type":"boolean"}]})";
inline constexpr char kRouteByType[] =
    R"({"deployment":"d1","tenant":"t1","model":"m","version":"1","digest":"","open":true,
        "feed":{"topic":"feed.t1.m.d1","partitions":1},"assetType":"arm",
        "inputs":{"temp":{"telemetry":"Temperature","scale":1.8,"offset":32},
                  "speed":{"telemetry":"Speed","scale":1,"offset":0}},
        "outputs":{"score":{"telemetry":"Score","type":"number","scale":2,"offset":1},
                   "level":{"telemetry":"Level","type":"string"}}})";
inline constexpr char kRouteByAssets[] =
    R"({"deployment":"d2","tenant":"t1","model":"n","version":"1","digest":"","open":true,
        "feed":{"topic":"feed.t1.n.d2","partitions":1},
        "groups":[{"subject":"line","inputs":{"a":{"asset":"x1","telemetry":"Temperature"},
                                              "b":{"asset":"x2","telemetry":"Temperature"}},
                   "outputs":{"score":{"asset":"x1","telemetry":"Score","type":"number"},
                              "other":{"asset":"x2","telemetry":"Score","type":"number"}}},
                  {"subject":"x1","inputs":{"a":{"asset":"x1","telemetry":"Speed"}},
                   "outputs":{"score":{"asset":"x1","telemetry":"Own","type":"number"}}}]})";

// Type, asset and both routes at revisions 1 to 4.
inline CatalogBuilder SmallCatalog() {
  CatalogBuilder catalog;
  catalog.Apply(CatalogRecord("asset-type/t1/arm", kType, 1));
  catalog.Apply(CatalogRecord("asset/t1/x1", kAsset, 2));
  catalog.Apply(CatalogRecord("route/t1/d1", kRouteByType, 3));
  catalog.Apply(CatalogRecord("route/t1/d2", kRouteByAssets, 4));
  return catalog;
}

}  // namespace outrigger::data_pusher::testing
