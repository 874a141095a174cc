// SPDX-License-Identifier: Apache-2.0
// Context: what the handler of one request works with, so that handlers take one argument and see
// no wiring.
//
// Threads: Api may be used concurrently; a Context belongs to the worker that runs its request.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "model_api/body.h"
#include "model_api/judged.h"
#include "model_api/problems.h"
#include "model_api/role.h"
#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"
#include "outrigger/lifecycle/boards.h"
#include "outrigger/lifecycle/engine.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/messaging/kafka.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

struct ApiRoute;

// The parts that handlers use. All outlive the REST server.
struct Api {
  store::Database& database;  // Access::kApplication: under row level security
  const store::Sealer& sealer;
  messaging::Admin& kafka;
  lifecycle::Lifecycle& lifecycle;
  lifecycle::CompanionBoard& companions;
  lifecycle::ModelEngine& engine;
  Clock& clock;
  // Waits until the relay has published the outbox row and all before it.
  std::function<Result<>(std::int64_t outbox_id, Millis deadline)> wait_published;
  // Whether schema and first tenant are there; until then every request is answered 503.
  std::function<bool()> stored;
  // Mixed into the digests of request bodies, so that a digest tells nothing about a password.
  std::string digest_salt;
};

// What a request gets. With `outbox_id`, only after the relay has published that row.
struct Answer {
  int status = 200;
  std::string body = {};
  http::HeaderList headers = {};
  std::int64_t outbox_id = 0;
  bool rehearsal = false;  // dryRun: everything was done, nothing is committed
};

struct Context {
  Api& api;
  const ApiRoute& route;
  const http::Request& request;
  const Caller& caller;
  store::Transaction& transaction;  // of the caller's tenant; committed by the front

  std::string Param(std::string_view name) const { return std::string(request.Param(name)); }
};

// The query parameters are among the route's (400), then the body: 415, 413, 400.
Judged<nlohmann::json> ReadBody(Context& context, std::size_t limit = kDocumentBytes);
// The same for requests that act without a document.
Judged<> ReadNoBody(Context& context);
Judged<> CheckQuery(const Context& context);
// ?dryRun=true
Judged<bool> DryRun(const Context& context);

// An answer with an object and its ETag.
Answer ObjectAnswer(int status, const nlohmann::json& document);

}  // namespace outrigger::model_api
