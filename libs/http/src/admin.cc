// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/admin.h"

#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"

namespace outrigger::http {
namespace {

constexpr char kPlain[] = "text/plain; charset=utf-8";
constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";

Response Ready(const std::vector<ReadyCheck>& checks, bool verbose) {
  std::string lines;
  bool ready = true;
  for (const ReadyCheck& check : checks) {
    const Result<> result = check.check();
    ready = ready && (result.ok() || !check.required);
    if (result.ok()) {
      lines += "[+]" + check.name + " ok\n";
    } else {
      lines += "[-]" + check.name + (check.required ? " failed: " : " degraded: ") +
               result.error().message() + "\n";
    }
  }
  std::string body = ready ? "ok\n" : "not ready\n";
  if (verbose || !ready) body = lines + body;
  return {ready ? 200 : 503, std::move(body), kPlain, {}};
}

void ShowConditions(const std::vector<ReadyCheck>& checks, Metrics& metrics) {
  for (const ReadyCheck& check : checks) {
    metrics
        .GetGauge("outrigger_service_condition", "1 while a condition of readiness holds.",
                  {
                      {"condition", check.name}
    })
        .Set(check.check().ok() ? 1 : 0);
  }
}

}  // namespace

struct AdminServer::State {
  std::vector<ReadyCheck> checks;
  std::unique_ptr<Server> server;
};

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AdminServer::~AdminServer() = default;
std::uint16_t AdminServer::port() const { return state_->server->port(); }

Result<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& address,
                                                        std::uint16_t port, Metrics& metrics,
                                                        std::vector<ReadyCheck> checks) {
  auto state = std::make_unique<State>();
  state->checks = std::move(checks);
  Router router;
  router.Route("GET", "/livez", [](Request, const ResponderPtr& respond) {
    respond->Send({200, "ok\n", kPlain, {}});
  });
  router.Route("GET", "/readyz",
               [state = state.get()](const Request& request, const ResponderPtr& respond) {
                 respond->Send(Ready(state->checks, request.Query("verbose").has_value()));
               });
  metrics.GetGauge("outrigger_service_start_time_seconds", "When the process began, Unix time.")
      .Set(static_cast<double>(SystemClock().WallMs()) / 1e3);
  router.Route("GET", "/metrics",
               [&metrics, state = state.get()](const Request&, const ResponderPtr& respond) {
                 ShowConditions(state->checks, metrics);
                 respond->Send({200, metrics.Text(), kExposition, {}});
               });
  ServerOptions options;
  options.address = address;
  options.port = port;
  options.max_connections = 256;
  options.body_bytes = 0;
  options.request_deadline = std::chrono::seconds(5);
  OR_ASSIGN(state->server, Server::Start(options, std::move(router)));
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

}  // namespace outrigger::http
