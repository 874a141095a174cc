// SPDX-License-Identifier: Apache-2.0
// CompanionMetrics: the series of one deployment, gone when it is gone.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "data_companion/deployment_spec.h"
#include "outrigger/base/metrics.h"

namespace outrigger::companion {

class CompanionMetrics {
 public:
  CompanionMetrics(Metrics& metrics, const DeploymentSpec& spec);
  ~CompanionMetrics();
  CompanionMetrics(const CompanionMetrics&) = delete;

  // `cause`: one of docs/formats/dead.md.
  void DeadLetter(std::string_view cause) { dead_letters_.find(cause)->second->Add(); }
  // `cause`: as ScoreCall::RetryCause() says.
  void Retry(std::string_view cause) {
    retried.Add();
    retries_.find(cause)->second->Add();
  }

 private:
  using Causes = std::map<std::string, Counter*, std::less<>>;
  Causes Series(const std::string& name, const std::string& help,
                std::initializer_list<const char*> causes) const;

  Metrics& metrics_;
  const Labels labels_;
  const Causes dead_letters_, retries_;

 public:
  Counter& rows;
  Counter& late;
  Counter& scored;
  Counter& retried;
  Counter& failed;
  Counter& not_sent;
  Gauge& lag;
  Gauge& waiting_rows;
  Gauge& waiting_bytes;
  Gauge& parked_rows;
  Gauge& waiting_replays;
  Gauge& requests_in_flight;
  Gauge& waiting_record_bytes;
  Gauge& model_unhealthy;
  Histogram& score_seconds;
};

}  // namespace outrigger::companion
