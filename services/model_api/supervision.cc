// SPDX-License-Identifier: Apache-2.0
#include "model_api/supervision.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "outrigger/base/ids.h"
#include "outrigger/base/log.h"

namespace outrigger::model_api {
namespace {

constexpr const char* kLeaseName = "supervision";
constexpr Millis kLease{5'000};
constexpr Millis kRenewBefore{2'500};  // of the lease's end
constexpr Millis kForgetEvery{600'000};

}  // namespace

Supervision::Supervision(Parts parts)
    : parts_(std::move(parts)),
      owner_("supervision-" + RandomId(8)),
      thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

Supervision::~Supervision() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

bool Supervision::HoldLease() {
  const SteadyTime now = parts_.clock.Now();
  if (now + kRenewBefore < lease_until_) return true;
  auto lease = store::TakeLease(parts_.worker, kLeaseName, owner_, kLease);
  if (lease) {
    lease_ = *std::move(lease);
    lease_until_ = now + kLease;
    return true;
  }
  if (lease.error().code() != ErrorCode::kConflict) {
    LogWarning("supervision has no lease", {lease.error()});
  }
  return now < lease_until_;
}

void Supervision::Do(const char* what, const std::function<Result<>()>& work) {
  Result<> done;
  try {
    done = work();
  } catch (const std::exception& thrown) {  // the next process would meet it again at once
    done = Error(ErrorCode::kInternal, std::string("threw: ") + thrown.what());
  }
  parts_.metrics
      .GetCounter("outrigger_supervision_rounds_total", "Rounds of supervision by their outcome.",
                  {
                      {"work",    what                  },
                      {"outcome", done ? "ok" : "failed"}
  })
      .Add();
  if (!done)
    LogWarning("supervision round failed", {
                                               {"work", what},
                                               done.error()
    });
}

void Supervision::Round() {
  if (!parts_.ready() || !HoldLease()) return;
  Do("supervise", parts_.supervise);
  Do("settle", parts_.settle);
  const SteadyTime now = parts_.clock.Now();
  if (now >= reconcile_at_) {
    Do("reconcile", parts_.reconcile);
    reconcile_at_ = now + parts_.reconcile_every;
  }
  if (now >= forget_at_) {
    Do("forget", parts_.forget);
    forget_at_ = now + kForgetEvery;
  }
}

void Supervision::Run(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    Round();
    std::unique_lock lock(mutex);
    woken.wait_for(lock, stop, parts_.supervise_every, [] { return false; });
  }
  if (!lease_) return;
  // A successor need not wait for the lease to run out.
  if (auto released = store::ReleaseLease(parts_.worker, *lease_); !released) {
    LogWarning("supervision keeps its lease", {released.error()});
  }
}

}  // namespace outrigger::model_api
