// SPDX-License-Identifier: Apache-2.0
// Routes: whatever path a manifest names is served: what is posted is told by its content, what is
// got is health, but /metrics.
#pragma once

#include "edge_runtime/score_handler.h"
#include "outrigger/base/metrics.h"
#include "outrigger/http/server.h"

namespace outrigger::edge_runtime {

// `handler` and `metrics` must outlive the router.
http::Router RoutesOf(ScoreHandler& handler, Metrics& metrics);

}  // namespace outrigger::edge_runtime
