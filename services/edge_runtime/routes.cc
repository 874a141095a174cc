// SPDX-License-Identifier: Apache-2.0
#include "edge_runtime/routes.h"

#include <string>

#include "outrigger/http/problem.h"

namespace outrigger::edge_runtime {
namespace {

constexpr int kDepth = 8;  // segments of a path

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

}  // namespace

http::Router RoutesOf(ScoreHandler& handler, Metrics& metrics) {
  http::Router router;
  const auto health = [](const http::Request&, const http::ResponderPtr& respond) {
    respond->Send({.status = 200,
                   .body = R"({"status":"ok"})",
                   .content_type = "application/json",
                   .headers = {}});
  };
  std::string path = "/";
  for (int depth = 0; depth <= kDepth; ++depth) {
    // On workers: a window of 16 MiB must not keep health waiting.
    router.BlockingRoute(
        "POST", path, [&handler](const http::Request& request) { return Score(handler, request); });
    router.Route("GET", path, health);
    path += (depth == 0 ? "{p" : "/{p") + std::to_string(depth) + "}";
  }
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
