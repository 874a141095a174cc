// SPDX-License-Identifier: Apache-2.0
// CompanionMetrics: the series of one deployment, gone when it is gone.
#pragma once

#include "data_companion/deployment_spec.h"
#include "outrigger/base/metrics.h"

namespace outrigger::companion {

class CompanionMetrics {
 public:
  CompanionMetrics(Metrics& metrics, const DeploymentSpec& spec);
  ~CompanionMetrics();
  CompanionMetrics(const CompanionMetrics&) = delete;

 private:
  Metrics& metrics_;
  const Labels labels_;

 public:
  Counter& rows;
  Counter& late;
  Counter& dead_letters;
  Counter& scored;
  Counter& retried;
  Counter& failed;
  Gauge& lag;
  Gauge& waiting_rows;
  Gauge& parked_rows;
  Histogram& score_seconds;
};

}  // namespace outrigger::companion
