// SPDX-License-Identifier: Apache-2.0
#include "data_companion/companion_metrics.h"

namespace outrigger::companion {
namespace {

Labels With(Labels labels, const std::string& outcome) {
  labels["outcome"] = outcome;
  return labels;
}

constexpr auto kRequests = "outrigger_companion_requests_total";
constexpr auto kRequestsHelp = "Score requests that ended, by outcome.";

}  // namespace

CompanionMetrics::CompanionMetrics(Metrics& metrics, const DeploymentSpec& spec)
    : metrics_(metrics),
      labels_{
          {"tenant",     spec.tenant.str()    },
          {"model",      spec.model.str()     },
          {"deployment", spec.deployment.str()}
},
      rows(metrics.GetCounter("outrigger_companion_rows_total", "Rows that the model scored.",
                              labels_)),
      late(metrics.GetCounter("outrigger_companion_late_samples_total",
                              "Samples that came after their time had passed.", labels_)),
      dead_letters(metrics.GetCounter("outrigger_companion_dead_letters_total",
                                      "Causes that ended as dead letters.", labels_)),
      scored(metrics.GetCounter(kRequests, kRequestsHelp, With(labels_, "scored"))),
      retried(metrics.GetCounter(kRequests, kRequestsHelp, With(labels_, "try-again"))),
      failed(metrics.GetCounter(kRequests, kRequestsHelp, With(labels_, "failed"))),
      lag(metrics.GetGauge("outrigger_companion_lag", "Records of the feed that are not finished.",
                           labels_)),
      waiting_rows(metrics.GetGauge("outrigger_companion_waiting_rows",
                                    "Rows in memory that wait for the model.", labels_)),
      parked_rows(metrics.GetGauge("outrigger_companion_parked_rows",
                                   "Of those, the ones that the journal holds and the feed does "
                                   "not wait for.",
                                   labels_)),
      score_seconds(metrics.GetHistogram(
          "outrigger_companion_score_seconds", "Time of a score request.",
          {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
          labels_)) {}

CompanionMetrics::~CompanionMetrics() {
  metrics_.DropSeries("deployment", labels_.at("deployment"));
}

}  // namespace outrigger::companion
