// SPDX-License-Identifier: Apache-2.0
#include "model_api/start_up.h"

#include "model_api/body.h"
#include "outrigger/base/log.h"

namespace outrigger::model_api {

std::unique_ptr<store::Database> OpenPool(const Config& config, store::Access access, int size) {
  store::DatabaseOptions options;
  options.uri = config.Text("postgres_uri");
  options.access = access;
  options.connections = size;
  return store::Database::Open(options);
}

std::unique_ptr<http::AdminServer> StartAdmin(const Config& config, Metrics& metrics,
                                              std::vector<http::ReadyCheck> checks) {
  return OrExit(http::AdminServer::Start(config.Text("listen_address"),
                                         static_cast<std::uint16_t>(config.Integer("admin_port")),
                                         metrics, std::move(checks)));
}

std::unique_ptr<http::Server> StartRest(const Config& config, Metrics& metrics,
                                        http::Router router) {
  http::ServerOptions options;
  options.address = config.Text("listen_address");
  options.port = static_cast<std::uint16_t>(config.Integer("port"));
  options.workers = static_cast<int>(config.Integer("rest_workers"));
  options.body_bytes = kBulkBytes;
  auto server = OrExit(http::Server::Start(options, std::move(router), &metrics));
  LogInfo("listening", {
                           {"url", server->url()}
  });
  return server;
}

}  // namespace outrigger::model_api
