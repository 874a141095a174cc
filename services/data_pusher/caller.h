// SPDX-License-Identifier: Apache-2.0
// Caller: who asks, so that every read route refuses strangers in the same words.
//
// Threads: may be called concurrently; waits for the topic `credentials` at most a second.
#pragma once

#include <expected>

#include "data_pusher/credential_view.h"
#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"

namespace outrigger::data_pusher {

// The credential of a caller who may read; else the refusal.
std::expected<http::Credential, http::Response> Viewer(const http::Request& request,
                                                       CredentialView& credentials, Clock& clock);

// The answer where a store or Kafka is gone, or a query takes too long.
http::Response FailureOf(const Error& error);

}  // namespace outrigger::data_pusher
