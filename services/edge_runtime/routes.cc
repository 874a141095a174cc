// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/routes.h"

#include <memory>
#include <string>
#include <utility>

#include "outrigger/http/problem.h"
#include "outrigger/http/worker_pool.h"

namespace outrigger::edge_runtime {
namespace {

constexpr std::size_t kShort = 64 * 1024;  // a body scored in less time than a hand-over is worth
constexpr std::size_t kQueued = 16;

http::Response Score(ScoreHandler& handler, const http::Request& request) {
  if (request.body_too_large)
    return http::ToResponse({.status = 413,
                             .code = "too-large",
                             .title = {},
                             .detail = "a score request is at most 16 MiB",
                             .hint = {},
                             .errors = {},
                             .headers = {}});
  return handler.Handle(request.body);
}

http::Response Busy() {
  return http::ToResponse({.status = 503,
                           .code = "overloaded",
                           .title = {},
                           .detail = "too many large requests wait",
                           .hint = "send it again after Retry-After, or fewer at a time",
                           .errors = {},
                           .headers = {{"Retry-After", "1"}}});
}

}  // namespace

http::Router RoutesOf(ScoreHandler& handler, Metrics& metrics) {
  http::Router router;
  const auto health = [](const http::Request&, const http::ResponderPtr& respond) {
    respond->Send({.status = 200,
                   .body = R"({"status":"ok"})",
                   .content_type = "application/json",
                   .headers = {}});
  };
  // A window of 16 MiB must not keep health and the rows of others waiting: it goes to a worker.
  const auto worker = std::make_shared<http::WorkerPool>(  // shared by copies of `score`
      1, kQueued,
      &metrics.GetGauge("outrigger_edge_waiting_requests",
                        "Large requests that wait for their turn."));
  const auto score = [&handler, worker](http::Request request, const http::ResponderPtr& respond) {
    if (request.body.size() < kShort) return respond->Send(Score(handler, request));
    auto task = [&handler, request = std::move(request), respond] {
      respond->Send(Score(handler, request));
    };
    if (!worker->Push(std::move(task))) respond->Send(Busy());
  };
  router.Route("POST", "/{path...}", score);
  router.Route("GET", "/{path...}", health);
  router.Route("GET", "/metrics",
               [&metrics](const http::Request&, const http::ResponderPtr& respond) {
                 respond->Send({.status = 200,
                                .body = metrics.Text(),
                                .content_type = "text/plain; version=0.0.4",
                                .headers = {}});
               });
  return router;
}

}  // namespace outrigger::edge_runtime
