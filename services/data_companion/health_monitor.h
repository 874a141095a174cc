// SPDX-License-Identifier: Apache-2.0
// HealthMonitor: polls one model's health and says whether it may be sent requests, so that no try
// is spent on a model that is not there.
//
// HEALTHY and UNHEALTHY are what is reported: a change to UNHEALTHY takes as many failed polls in a
// row as the manifest says. serving() is quicker: the last look alone decides.
//
// Threads:  the event loop only.
// Lifetime: must outlive no task of the loop: replies that come later are dropped.
// See also: lifecycle, "Health"
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "data_companion/deployment_spec.h"
#include "data_companion/event_loop.h"
#include "outrigger/http/client.h"

namespace outrigger::companion {

enum class Health { kUnknown, kHealthy, kUnhealthy };

class HealthMonitor {
 public:
  // `on_check` runs on the loop after every look.
  HealthMonitor(const DeploymentSpec& spec, EventLoop& loop, http::Client& client, Clock& clock,
                std::function<void()> on_check);
  ~HealthMonitor();

  // Watches this address from now on; empty: none. The same address again changes nothing.
  void Watch(const std::string& endpoint);
  // What the journal said of the model before a restart.
  void Remember(const nlohmann::json& journal_health);
  // A look beside the regular ones, that begins after this call. Returns its number.
  std::uint64_t LookNow();
  // The number of the last look that ended.
  std::uint64_t looked() const { return looked_; }

  bool serving() const { return serving_; }
  Health status() const { return status_; }
  const std::string& endpoint() const { return endpoint_; }
  // The member `health` of D/status.
  nlohmann::json Report() const;

 private:
  void Begin(bool regular);
  void End(std::uint64_t look, bool regular, const Result<http::Reply>& reply);
  void Arm();

  const DeploymentSpec& spec_;
  EventLoop& loop_;
  http::Client& client_;
  Clock& clock_;
  const std::function<void()> on_check_;
  std::shared_ptr<int> alive_;  // shared with tasks: they see that the monitor is gone

  std::string endpoint_;
  std::uint64_t watch_ = 0;  // grows with each endpoint
  std::uint64_t timer_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t looked_ = 0;
  SteadyTime regular_due_{};
  bool looking_ = false;
  bool look_again_ = false;
  bool was_healthy_ = false;  // this endpoint
  bool serving_ = false;
  Health status_ = Health::kUnknown;
  int failures_ = 0;
  std::string detail_;
  std::int64_t latency_ms_ = 0;
  std::int64_t checked_at_ = 0;
};

}  // namespace outrigger::companion
