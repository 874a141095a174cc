// SPDX-License-Identifier: Apache-2.0
// bench_routes ROUTES SAMPLES: parses and routes SAMPLES samples of an asset that no route wants,
// with ROUTES routes of other assets and types in the catalog; prints {"ns_a_sample"} of this
// thread's CPU time. Before that a sample that one of them wants must reach it.
#include <time.h>

#include <format>

#include "data_pusher/catalog_view.h"
#include "data_pusher/projection.h"
#include "data_pusher/sample.h"
#include "support.h"

namespace {

using namespace outrigger;
using namespace outrigger::bench;
using namespace outrigger::data_pusher;

messaging::Record Definition(const std::string& key, const std::string& value) {
  messaging::Record record;
  record.topic = "catalog";
  record.key = key;
  record.value = value;
  record.headers = {
      {"revision", "1"}
  };
  return record;
}

std::string RouteText(int i) {
  const std::string head = std::format(
      R"({{"deployment":"d{0}","tenant":"bench","model":"m{0}","version":"1","digest":"sha256:00",)"
      R"("open":true,"feed":{{"topic":"feed.bench.m{0}.d{0}","partitions":1}},)",
      i);
  const auto side = [](const std::string& asset, const char* column, const char* rest) {
    return std::format(R"({{"{}":{{{}"telemetry":{},"scale":1,"offset":0}}}})", column, asset,
                       rest);
  };
  const std::string asset = i % 2 == 0 ? "" : std::format(R"("asset":"a{}",)", i);
  const std::string sides =
      std::format(R"("inputs":{},"outputs":{})", side(asset, "t", R"("Temperature")"),
                  side(asset, "s", R"("Score","type":"number")"));
  if (i % 2 == 0) return std::format(R"({}"assetType":"t{}",{}}})", head, i, sides);
  return std::format(R"({}"groups":[{{"subject":"a{}",{}}}]}})", head, i, sides);
}

// Half of the routes are by assets, half by type: each has an asset or a type of its own.
SnapshotPtr Catalog(int routes) {
  CatalogBuilder builder;
  const std::string telemetries =
      R"("telemetries":[{"name":"Temperature","type":"number"},{"name":"Score","type":"number"}])";
  builder.Apply(
      Definition("asset-type/bench/idle", std::format("{{\"id\":\"idle\",{}}}", telemetries)));
  builder.Apply(Definition("asset/bench/idle", R"({"id":"idle","type":"idle","telemetries":[]})"));
  for (int i = 0; i < routes; ++i) {
    builder.Apply(Definition(std::format("asset-type/bench/t{}", i),
                             std::format("{{\"id\":\"t{}\",{}}}", i, telemetries)));
    builder.Apply(Definition(std::format("asset/bench/a{}", i),
                             std::format(R"({{"id":"a{}","type":"t{}","telemetries":[]}})", i, i)));
    builder.Apply(Definition(std::format("route/bench/d{}", i), RouteText(i)));
  }
  return builder.Publish();
}

int RouteOne(SampleParser& parser, const CatalogSnapshot& catalog, messaging::Record& record) {
  int fed = 0;
  const Sample* sample = Must(parser.Parse(record), "sample");
  Project(*sample, catalog, [&](const FeedRecord&) { ++fed; });
  return fed;
}

messaging::Record Telemetry(const std::string& asset) {
  messaging::Record record;
  record.topic = "telemetry";
  record.key = std::format("bench/{}", asset);
  record.value = std::format(
      R"({{"asset":"{}","time":1700000000000,"values":{{"Temperature":21.5}}}})", asset);
  return record;
}

double CpuSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: bench_routes ROUTES SAMPLES\n", stderr), 2;
  const int routes = std::atoi(argv[1]), samples = std::atoi(argv[2]);
  const SnapshotPtr catalog = Catalog(routes);
  SampleParser parser;
  for (const char* wanted : {"a0", "a1"}) {
    messaging::Record record = Telemetry(wanted);
    if (RouteOne(parser, *catalog, record) != 1)
      return std::fprintf(stderr, "bench: the sample of %s did not reach its route\n", wanted), 1;
  }
  messaging::Record record = Telemetry("idle");
  int fed = 0;
  for (int i = 0; i < samples / 10; ++i) fed += RouteOne(parser, *catalog, record);
  const double began = CpuSeconds();
  for (int i = 0; i < samples; ++i) fed += RouteOne(parser, *catalog, record);
  const double took = CpuSeconds() - began;
  if (fed != 0)
    return std::fputs("bench: a sample reached a route that does not want it\n", stderr), 1;
  std::printf("{\"ns_a_sample\": %.1f}\n", took * 1e9 / samples);
}
