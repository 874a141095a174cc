// SPDX-License-Identifier: Apache-2.0
// data_pusher: routes telemetry to models, makes what they say telemetry, archives both, and
// answers queries.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "data_pusher/archive_loop.h"
#include "data_pusher/catalog_view.h"
#include "data_pusher/config.h"
#include "data_pusher/credential_view.h"
#include "data_pusher/hot_store.h"
#include "data_pusher/outputs.h"
#include "data_pusher/queries.h"
#include "data_pusher/retention_loop.h"
#include "data_pusher/router.h"
#include "data_pusher/stream_route.h"
#include "data_pusher/tables_sink.h"
#include "data_pusher/telemetry_sink.h"
#include "outrigger/base/log.h"
#include "outrigger/base/stop.h"
#include "outrigger/http/admin.h"

namespace {

using namespace outrigger;               // NOLINT
using namespace outrigger::data_pusher;  // NOLINT

constexpr Millis kStopLimit{8'000};  // below a supervisor's patience of 10 s

Result<> Unless(bool good, const char* what) {
  if (good) return {};
  return Error(ErrorCode::kUnavailable, what);
}

Result<> Serve(const Config& config) {
  const messaging::KafkaOptions kafka{config.Text("kafka_brokers"), "data_pusher"};
  const std::string& instance = config.Text("instance");
  const http::ServerOptions listen = ListenOf(config);
  Metrics metrics;
  Clock& clock = SystemClock();

  OR_ASSIGN(const auto catalog, CatalogView::Start(kafka));
  OR_ASSIGN(const auto credentials, CredentialView::Start(kafka));
  const auto archive = store::Database::Open(DatabaseOf(config, store::Access::kArchive, 4));
  const auto readers =
      store::Database::Open(DatabaseOf(config, store::Access::kApplication, listen.workers));
  store::HistoryOptions days;
  days.days_behind = static_cast<int>(config.Integer("history_days"));
  const auto history = store::MakePostgresHistory(*archive, *readers, days, clock);
  const auto outputs_table = store::MakePostgresOutputs(*archive, *readers);
  HotStore hot(static_cast<std::size_t>(config.Integer("hot_assets")));

  Router router(RoutingOf(config, kafka), *catalog, hot, clock, metrics);
  Outputs outputs({kafka, instance}, *catalog, clock, metrics);
  TelemetrySink telemetry_sink(*history, hot, clock);
  ArchiveLoop telemetry_archive(TelemetryArchiveOf(config, kafka), telemetry_sink, clock, metrics);
  TablesSink tables_sink(*outputs_table);
  ArchiveLoop tables_archive(TablesArchiveOf(config, kafka), tables_sink, clock, metrics);
  const auto retention = store::MakePostgresRetention(*archive, {instance});
  RetentionLoop retention_loop(*catalog, *retention, PaceOf(config), clock, metrics);

  Queries queries({*catalog, *credentials, hot, *history, *outputs_table, clock},
                  config.Integer("max_query_rows"));
  TelemetryStreams streams(StreamsOf(config, kafka), *credentials, clock, metrics);
  http::Router routes;
  queries.AddTo(routes);
  AddStreamRoute(routes, streams, *credentials, clock);
  OR_ASSIGN(const auto server, http::Server::Start(listen, std::move(routes), &metrics));
  OR_ASSIGN(const auto admin,
            http::AdminServer::Start(
                listen.address, static_cast<std::uint16_t>(config.Integer("admin_port")), metrics,
                {
                    {"catalog", [&] { return Unless(catalog->Ready(), "not read yet"); }},
                    {"credentials", [&] { return Unless(credentials->Ready(), "not read yet"); }},
                    {"routing", [&] { return Unless(router.Running(), "Kafka does not answer"); }},
                    {"outputs", [&] { return Unless(outputs.Running(), "Kafka does not answer"); }},
                    {"history",
                     [&] { return Unless(telemetry_archive.Healthy(), "no PostgreSQL"); }, false},
                    {"tables", [&] { return Unless(tables_archive.Healthy(), "no PostgreSQL"); },
                     false}
  }));
  LogInfo("listening", {
                           {"port",       server->port()},
                           {"admin_port", admin->port() }
  });

  // What is left then is abandoned: with Kafka gone, leaving it takes longer than we have, and the
  // next start goes on from what is committed, as after any end.
  const int signal = WaitForStopSignal(kStopLimit, 0);
  LogInfo("stopping", {
                          {"signal", signal}
  });
  router.RequestStop();  // all, before the first is waited for
  outputs.RequestStop();
  telemetry_archive.RequestStop();
  tables_archive.RequestStop();
  retention_loop.RequestStop();
  streams.RequestStop();
  server->Stop();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  BlockStopSignals();
  const Config config = LoadConfigOrExit("data_pusher", "routes, archives and serves telemetry",
                                         Settings(), argc, argv);
  const Result<> served = Serve(config);
  if (served) return 0;
  std::fprintf(stderr, "data_pusher: %s\n", served.error().ToString().c_str());
  return 2;
}
