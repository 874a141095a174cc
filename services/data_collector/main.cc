// SPDX-License-Identifier: Apache-2.0
// data_collector: takes telemetry in over HTTP, checks it against its asset's definition, and says
// 2xx once Kafka has it.
#include <cstdlib>

#include "data_collector/config.h"
#include "data_collector/telemetry_handler.h"
#include "outrigger/base/log.h"
#include "outrigger/base/stop.h"
#include "outrigger/http/admin.h"

namespace outrigger::data_collector {
namespace {

constexpr Millis kDrain{1'500};

// A part that must be there, or the program ends with the reason.
template <typename T>
T Need(Result<T> part) {
  if (part.ok()) return std::move(*part);
  LogError("cannot start", {part.error()});
  std::exit(2);
}

Result<> ReadOnce(const messaging::CompactedTable& table) {
  if (table.Ready()) return {};
  return Error(ErrorCode::kUnavailable, "not read to its end yet");
}

int Main(int argc, char** argv) {
  BlockStopSignals();
  const Config config =
      LoadConfigOrExit("data_collector", "takes telemetry in", Settings(), argc, argv);
  const messaging::KafkaOptions kafka = KafkaOptionsFrom(config);
  Metrics metrics;

  CredentialView credentials;
  CatalogView catalog;
  auto producer = Need(messaging::Producer::Make(kafka, ProducerOptionsFrom(config)));
  auto credential_table = Need(messaging::CompactedTable::Start(
      kafka, "credentials", [&](const messaging::Record& record) { credentials.Apply(record); }));
  auto catalog_table = Need(messaging::CompactedTable::Start(
      kafka, "catalog", [&](const messaging::Record& record) { catalog.Apply(record); }));
  http::WorkerPool pool(static_cast<int>(config.Integer("workers")), 1'000,
                        &metrics.GetGauge("outrigger_collector_waiting_requests",
                                          "Large requests that wait for a worker."));
  TelemetryHandler handler({credentials, catalog, *credential_table, *catalog_table, *producer,
                            pool, metrics, SystemClock()},
                           LimitsFrom(config));

  http::Router router;
  router.Route("POST", "/api/v1/telemetry",
               [&handler](http::Request request, http::ResponderPtr respond) {
                 handler.Handle(std::move(request), std::move(respond));
               });
  const auto server =
      Need(http::Server::Start(ServerOptionsFrom(config), std::move(router), &metrics));
  auto admin = Need(
      http::AdminServer::Start(config.Text("listen_address"),
                               static_cast<std::uint16_t>(config.Integer("admin_port")), metrics,
                               {
                                   {"credentials", [&] { return ReadOnce(*credential_table); }},
                                   {"catalog",     [&] { return ReadOnce(*catalog_table); }   },
                                   {"kafka",       [&]() -> Result<> {
                                      if (producer->Connected()) return {};
                                      return Error(ErrorCode::kUnavailable, "no broker answers");
                                    }             }
  }));
  LogInfo("listening", {
                           {"url",        server->url()},
                           {"admin_port", admin->port()}
  });

  const int signal = WaitForStopSignal();
  LogInfo("stopping", {
                          {"signal", signal}
  });
  // Whoever calls into the handler goes before it: requests, work, news of topics, and last the
  // acknowledgements that are still to come. With Kafka gone the last two take seconds.
  server->Stop(kDrain);
  admin.reset();
  pool.Stop();
  catalog_table.reset();
  credential_table.reset();
  producer.reset();
  return 0;
}

}  // namespace
}  // namespace outrigger::data_collector

int main(int argc, char** argv) { return outrigger::data_collector::Main(argc, argv); }
