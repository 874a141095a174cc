// SPDX-License-Identifier: Apache-2.0
// Queries: the read routes of the pusher, so that what was measured and what models said can be
// read by time.
//
// Threads:  handlers run on the server's workers, concurrently.
// Lifetime: what Dependencies refers to must outlive the server.
#pragma once

#include <cstdint>

#include "data_pusher/catalog_view.h"
#include "data_pusher/credential_view.h"
#include "data_pusher/hot_store.h"
#include "outrigger/base/clock.h"
#include "outrigger/http/server.h"
#include "outrigger/store/history.h"
#include "outrigger/store/history_outputs.h"

namespace outrigger::data_pusher {

class Queries {
 public:
  struct Dependencies {
    CatalogView& catalog;
    CredentialView& credentials;
    HotStore& hot;
    store::HistoryStore& history;
    store::OutputStore& outputs;
    Clock& clock;
  };
  // `max_rows`: an aggregate that would read more values is refused.
  Queries(const Dependencies& parts, std::int64_t max_rows) : parts_(parts), max_rows_(max_rows) {}

  // Adds the routes to `router`; `this` must outlive the server.
  void AddTo(http::Router& router);

 private:
  using Answer = http::Response (Queries::*)(const http::Request&, const TenantId&);
  http::Response Guarded(const http::Request& request, Answer answer);

  http::Response Latest(const http::Request& request, const TenantId& tenant);
  http::Response Telemetry(const http::Request& request, const TenantId& tenant);
  http::Response Outputs(const http::Request& request, const TenantId& tenant);

  struct Defined {
    bool asset = false;
    std::optional<ValueKind> telemetry;
  };
  // Looks once more after reading the catalog to its end, if need be.
  Result<Defined> DefinedOf(const TenantId& tenant, std::string_view asset,
                            std::string_view telemetry);
  // Leaves out what the tenant keeps no longer, whether or not it is removed yet.
  void LeaveOutOld(store::PointsQuery& query) const;
  http::Response Points(const http::Request& request, store::PointsQuery query);
  http::Response Aggregates(const http::Request& request, store::AggregateQuery query);
  Result<bool> ModelIsKnown(const TenantId& tenant, const std::string& model);

  const Dependencies parts_;
  const std::int64_t max_rows_;
};

}  // namespace outrigger::data_pusher
