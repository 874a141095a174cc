// SPDX-License-Identifier: Apache-2.0
// Front: the way of every request, so that each is judged in one order: who asks (401), may he
// (403), was it answered before (Idempotency-Key), then the route's own checks.
//
// Threads:  Handle() runs on the server's workers.
// Lifetime: `api` outlives the router.
#pragma once

#include "model_api/context.h"
#include "model_api/route_table.h"
#include "outrigger/http/server.h"

namespace outrigger::model_api {

// The router with every route of the table.
http::Router MakeRouter(Api& api);

http::Response Handle(Api& api, const ApiRoute& route, const http::Request& request);

}  // namespace outrigger::model_api
