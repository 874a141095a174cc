// SPDX-License-Identifier: Apache-2.0
#include "data_companion/companion_metrics.h"

namespace outrigger::companion {
namespace {

Labels With(Labels labels, const char* label, const std::string& value) {
  labels[label] = value;
  return labels;
}

constexpr auto kRequests = "outrigger_companion_requests_total";
constexpr auto kRequestsHelp = "Score requests that ended, by outcome.";

}  // namespace

// All causes from the beginning: a rate sees the first of a kind only after a 0.
CompanionMetrics::Causes CompanionMetrics::Series(const std::string& name, const std::string& help,
                                                  std::initializer_list<const char*> causes) const {
  Causes series;
  for (const char* cause : causes)
    series[cause] = &metrics_.GetCounter(name, help, With(labels_, "cause", cause));
  return series;
}

CompanionMetrics::CompanionMetrics(Metrics& metrics, const DeploymentSpec& spec)
    : metrics_(metrics),
      labels_{
          {"tenant",     spec.tenant.str()    },
          {"model",      spec.model.str()     },
          {"deployment", spec.deployment.str()}
},
      dead_letters_(
          Series("outrigger_companion_dead_letters_total", "Causes that ended as dead letters.",
                 {"retries-exhausted", "refused", "bad-reply", "too-large", "bad-record"})),
      retries_(Series("outrigger_companion_retries_total",
                      "Score requests that failed and whose rows are tried again, by cause.",
                      {"timeout", "unreachable", "busy", "error"})),
      rows(metrics.GetCounter("outrigger_companion_rows_total", "Rows that the model scored.",
                              labels_)),
      late(metrics.GetCounter("outrigger_companion_late_samples_total",
                              "Samples that came after their time had passed.", labels_)),
      scored(metrics.GetCounter(kRequests, kRequestsHelp, With(labels_, "outcome", "scored"))),
      retried(metrics.GetCounter(kRequests, kRequestsHelp, With(labels_, "outcome", "try-again"))),
      failed(metrics.GetCounter(kRequests, kRequestsHelp, With(labels_, "outcome", "failed"))),
      not_sent(metrics.GetCounter(kRequests, kRequestsHelp, With(labels_, "outcome", "not-sent"))),
      lag(metrics.GetGauge("outrigger_companion_lag", "Records of the feed that are not finished.",
                           labels_)),
      waiting_rows(metrics.GetGauge("outrigger_companion_waiting_rows",
                                    "Rows in memory that wait for the model.", labels_)),
      waiting_bytes(metrics.GetGauge("outrigger_companion_waiting_bytes",
                                     "Memory of the rows that wait for the model.", labels_)),
      parked_rows(metrics.GetGauge("outrigger_companion_parked_rows",
                                   "Of those, the ones that the journal holds and the feed does "
                                   "not wait for.",
                                   labels_)),
      waiting_replays(metrics.GetGauge("outrigger_companion_waiting_replays",
                                       "Dead letters that wait to be tried again.", labels_)),
      requests_in_flight(metrics.GetGauge("outrigger_companion_requests_in_flight",
                                          "Score requests on their way.", labels_)),
      waiting_record_bytes(metrics.GetGauge("outrigger_companion_waiting_record_bytes",
                                            "What was said and waits for the next transaction.",
                                            labels_)),
      model_unhealthy(metrics.GetGauge("outrigger_companion_model_unhealthy",
                                       "1 while the model is to run and is not healthy.", labels_)),
      score_seconds(metrics.GetHistogram(
          "outrigger_companion_score_seconds", "Time of a score request.",
          {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
          labels_)) {}

CompanionMetrics::~CompanionMetrics() {
  metrics_.DropSeries("deployment", labels_.at("deployment"));
}

}  // namespace outrigger::companion
