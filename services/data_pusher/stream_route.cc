// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/stream_route.h"

#include <utility>

#include "data_pusher/caller.h"
#include "data_pusher/query_parameters.h"
#include "outrigger/base/ids.h"
#include "outrigger/http/bearer.h"
#include "outrigger/http/problem.h"

namespace outrigger::data_pusher {
namespace {

http::Response Answer(const http::Request& request, TelemetryStreams& streams,
                      CredentialView& credentials, Clock& clock) {
  auto credential = Viewer(request, credentials, clock);
  if (!credential) return std::move(credential.error());
  auto wanted = ReadStreamRequest(request, credential->tenant);
  if (!wanted) return std::move(wanted.error());
  auto start = streams.Open(*wanted);
  if (!start) return std::move(start.error());
  http::Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.stream = *std::move(start);
  return response;
}

}  // namespace

std::expected<StreamRequest, http::Response> ReadStreamRequest(const http::Request& request,
                                                               const std::string& tenant) {
  StreamRequest wanted;
  wanted.tenant = tenant;
  if (const auto token = http::BearerToken(request)) wanted.token_key = http::TokenKey(*token);
  QueryParameters parameters(request);
  for (const auto& [name, value] : request.query) {
    if (name == "asset") {
      if (!IsAssetId(value)) parameters.Fault("asset", "not-allowed", "no id of an asset");
      wanted.filter.assets.insert(value);
    } else if (name == "telemetry") {
      if (!IsTelemetryName(value)) {
        parameters.Fault("telemetry", "not-allowed", "no name of a telemetry");
      }
      wanted.filter.telemetries.insert(value);
    }
  }
  if (auto refusal = parameters.Refusal()) return std::unexpected(*std::move(refusal));
  if (const std::string_view last = request.Header("last-event-id"); !last.empty()) {
    auto after = ParseOffsets(last);
    if (!after) {
      return std::unexpected(http::ToResponse({400,
                                               "bad-last-event-id",
                                               {},
                                               "Last-Event-ID is " + after.error().message(),
                                               "send the last `id` as it came, or none",
                                               {},
                                               {}}));
    }
    wanted.after = *std::move(after);
  }
  return wanted;
}

void AddStreamRoute(http::Router& router, TelemetryStreams& streams, CredentialView& credentials,
                    Clock& clock) {
  router.BlockingRoute("GET", "/api/v1/telemetry/stream",
                       [&streams, &credentials, &clock](const http::Request& request) {
                         return Answer(request, streams, credentials, clock);
                       });
}

}  // namespace outrigger::data_pusher
