// SPDX-License-Identifier: Apache-2.0
// The route GET /api/v1/telemetry/stream: what a request for a stream may say.
//
// Threads:  the handler runs on the server's workers, concurrently.
// Lifetime: the arguments must outlive the server.
#pragma once

#include "data_pusher/credential_view.h"
#include "data_pusher/telemetry_streams.h"
#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"

namespace outrigger::data_pusher {

void AddStreamRoute(http::Router& router, TelemetryStreams& streams, CredentialView& credentials,
                    Clock& clock);

// What is asked for by a caller of `tenant`; else the refusal: 400 or 422.
std::expected<StreamRequest, http::Response> ReadStreamRequest(const http::Request& request,
                                                               const std::string& tenant);

}  // namespace outrigger::data_pusher
