// SPDX-License-Identifier: Apache-2.0
// Boards: what saga steps write for and read from the data plane, so that sagas know neither Kafka
// nor records.
//
// Threads:  every method may be called concurrently; none blocks longer than the given deadline.
// See also: docs/formats/control.md, catalog.md, journal.md, pusher-status.md; services/model_api
// (implementations)
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "outrigger/base/clock.h"
#include "outrigger/lifecycle/engine.h"

namespace outrigger::lifecycle {

// Topics of one deployment.
class FeedTopics {
 public:
  virtual ~FeedTopics() = default;
  virtual Result<> Create(const Workload& workload, int partitions,
                          std::chrono::milliseconds retention) = 0;  // idempotent
  virtual Result<> Delete(const Workload& workload) = 0;             // idempotent
};

// Routes of the pusher.
class RouteBoard {
 public:
  virtual ~RouteBoard() = default;
  // Publishes the deployment's route, open or closed, built from the stored mapping. Idempotent.
  // When the pusher has applied it is asked by Applied().
  virtual Result<> Publish(const Workload& workload, bool open) = 0;
  // Whether every telemetry partition reports the route's last publication. Errors: kUnavailable -
  // nothing known yet.
  virtual Result<bool> Applied(const Workload& workload) = 0;
  // Whether the pusher has taken all of `out` and `dead` up to their ends as noted at the first
  // call for this workload.
  virtual Result<bool> OutputsTaken(const Workload& workload) = 0;
  // Tombstones the route and all control and journal keys of the deployment. Idempotent.
  virtual Result<> Remove(const Workload& workload) = 0;
};

enum class CompanionPhase { kUnknown, kPaused, kRunning, kDrained, kStopped };

// The last word of a deployment's companion.
struct CompanionStatus {
  CompanionPhase phase = CompanionPhase::kUnknown;
  bool current = false;  // it has applied the last desired state we published
  std::string health;    // HEALTHY, UNHEALTHY, UNKNOWN
  std::string health_detail;
  std::int64_t health_at = 0;   // Unix ms of the last poll; 0: none
  std::string health_endpoint;  // the address that poll went to
  int failures = 0;             // in a row
  double latency_ms = 0;
  std::int64_t lag = 0;
  std::int64_t late_samples = 0;
  std::int64_t dead_letters = 0;
  std::int64_t unscored = 0;     // at the stop: causes that stay unscored
  std::int64_t reported_at = 0;  // Unix ms
};

// What we want of companions, and what they say.
class CompanionBoard {
 public:
  virtual ~CompanionBoard() = default;
  // Writes the deployment's spec (manifest, mapping, feed) with desired state paused. Idempotent.
  virtual Result<> Start(const Workload& workload) = 0;
  // Desired state run, pause, drain or stop, and the model's endpoint ("" leaves the known one).
  // Idempotent.
  virtual Result<> Want(const Workload& workload, CompanionPhase phase,
                        const std::string& endpoint) = 0;
  // Publishes the deployment's members (D/member/ASSET). Idempotent.
  virtual Result<> Announce(const Workload& workload) = 0;
  virtual std::optional<CompanionStatus> Status(const Workload& workload) = 0;
  // For how long their words have been read without a gap, up to now; 0: they are not. Who was
  // silent for longer may have spoken: nobody is judged for what we did not hear.
  virtual Millis Listening() = 0;
};

}  // namespace outrigger::lifecycle
