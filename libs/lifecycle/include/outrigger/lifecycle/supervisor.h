// SPDX-License-Identifier: Apache-2.0
// Supervisor: judges the health of running models, so that what failed is restarted and what is
// merely not heard of is left alone.
//
// Threads:  Tick() is called by one thread. Where several replicas run, by the holder of a lease.
// Lifetime: its ports must outlive it.
#pragma once

#include <map>
#include <string>

#include "outrigger/lifecycle/boards.h"
#include "outrigger/lifecycle/lifecycle.h"
#include "outrigger/lifecycle/model_store.h"

namespace outrigger::lifecycle {

struct SupervisorOptions {
  Millis sample_every{60'000};  // health history: at each change, and this often
  Millis report_every{2'000};   // how often companions report unasked (docs/formats/journal.md)
};

class Supervisor {
 public:
  Supervisor(ModelWatch& watch, Lifecycle& lifecycle, ModelEngine& engine,
             CompanionBoard& companions, Clock& clock, SupervisorOptions options = {})
      : watch_(watch),
        lifecycle_(lifecycle),
        engine_(engine),
        companions_(companions),
        clock_(clock),
        options_(options) {}

  // Looks at every running model once. `journal_late`: what companions said reaches us late, so
  // silence means nothing. Errors: kUnavailable - the store; the next tick looks again.
  Result<> Tick(bool journal_late = false);

 private:
  struct Seen;
  struct Memory {
    DeploymentId deployment;
    std::string status;
    std::int64_t recorded_at = 0;  // wall, Unix ms
    std::int64_t well_since = 0;   // unbroken; 0: not well
    std::int64_t heard_at = 0;     // the last report's time
    std::int64_t first_seen_at = 0;
  };

  Seen Look(const WatchedModel& model);
  bool Silent(const WatchedModel& model, const Memory& memory) const;
  void Judge(const WatchedModel& model, const Seen& seen, bool trust_silence);
  void Remember(const WatchedModel& model, const HealthSample& sample);
  void Recover(const WatchedModel& model, const std::string& reason, const std::string& message);

  ModelWatch& watch_;
  Lifecycle& lifecycle_;
  ModelEngine& engine_;
  CompanionBoard& companions_;
  Clock& clock_;
  const SupervisorOptions options_;
  std::map<std::pair<TenantId, ModelName>, Memory> memory_;
};

}  // namespace outrigger::lifecycle
