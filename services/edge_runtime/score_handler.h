// SPDX-License-Identifier: Apache-2.0
// ScoreHandler: the model's side of the score contract: rows in, scores and warning levels out.
//
// Threads:  every method may be called concurrently.
// Lifetime: detector and metrics must outlive it.
// See also: services/edge_runtime/README.md
#pragma once

#include <string_view>

#include "edge_runtime/config.h"
#include "outrigger/base/metrics.h"
#include "outrigger/http/server.h"
#include "outrigger/inference/anomaly_detector.h"

namespace outrigger::edge_runtime {

class ScoreHandler {
 public:
  ScoreHandler(inference::AnomalyDetector& detector, OutputColumns columns, Metrics& metrics);

  // Answers a posted document: rows to score ("data") or a change of membership ("added",
  // "removed"). 200; 400 for what is neither, with nothing learned.
  http::Response Handle(std::string_view body);

 private:
  inference::AnomalyDetector& detector_;
  const OutputColumns columns_;
  Counter& rows_;
  Counter& refused_;
  Gauge& assets_;
};

}  // namespace outrigger::edge_runtime
