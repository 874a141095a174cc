// SPDX-License-Identifier: Apache-2.0
#include "data_companion/health_monitor.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/retry.h"

namespace outrigger::companion {
namespace {

constexpr Millis kWhileStarting{500};
constexpr double kJitter = 0.1;

const char* Name(Health health) {
  if (health == Health::kHealthy) return "HEALTHY";
  return health == Health::kUnhealthy ? "UNHEALTHY" : "UNKNOWN";
}

}  // namespace

HealthMonitor::HealthMonitor(const DeploymentSpec& spec, EventLoop& loop, http::Client& client,
                             Clock& clock, std::function<void()> on_check)
    : spec_(spec),
      loop_(loop),
      client_(client),
      clock_(clock),
      on_check_(std::move(on_check)),
      alive_(std::make_shared<int>(0)) {}

HealthMonitor::~HealthMonitor() = default;

void HealthMonitor::Watch(const std::string& endpoint) {
  if (endpoint == endpoint_) return;
  endpoint_ = endpoint;
  ++watch_;
  looking_ = look_again_ = serving_ = was_healthy_ = false;
  status_ = Health::kUnknown;
  failures_ = 0;
  detail_.clear();
  if (!endpoint_.empty()) Begin(true);
}

void HealthMonitor::Remember(const nlohmann::json& journal) {
  if (!journal.is_object() || journal.value("endpoint", "") != endpoint_ || endpoint_.empty())
    return;
  was_healthy_ = journal.value("status", "UNKNOWN") != "UNKNOWN";
}

std::uint64_t HealthMonitor::LookNow() {
  if (endpoint_.empty()) return begun_ + 1;
  if (!looking_) {
    Begin(false);
    return begun_;
  }
  look_again_ = true;  // the one under way began before what the caller saw
  return begun_ + 1;
}

void HealthMonitor::Arm() {
  const auto now = clock_.Now();
  // Regular looks count failures, so they keep the manifest's pace; between them a model that
  // stopped answering is looked at more often, to go on soon.
  const auto due = serving_ ? regular_due_ : std::min(regular_due_, now + kWhileStarting);
  const std::uint64_t timer = ++timer_;
  loop_.PostAfter(std::max(Millis(1), std::chrono::ceil<Millis>(due - now)),
                  [this, timer, alive = std::weak_ptr(alive_)] {
                    if (alive.expired() || timer != timer_ || looking_ || endpoint_.empty()) return;
                    Begin(clock_.Now() >= regular_due_);
                  });
}

void HealthMonitor::Begin(bool regular) {
  looking_ = true;
  const std::uint64_t look = ++begun_;
  http::Call call;
  call.url = endpoint_ + spec_.health_path;
  call.connect_timeout = call.deadline = spec_.health_timeout;
  call.max_reply_bytes = 64 << 10;
  client_.Start(std::move(call), [this, look, regular, watch = watch_, loop = &loop_,
                                  alive = std::weak_ptr(alive_)](Result<http::Reply> reply) {
    loop->Post([this, look, regular, watch, alive, reply = std::move(reply)] {
      if (!alive.expired() && watch == watch_) End(look, regular, reply);
    });
  });
}

void HealthMonitor::End(std::uint64_t look, bool regular, const Result<http::Reply>& reply) {
  looking_ = false;
  looked_ = look;
  checked_at_ = clock_.WallMs();
  serving_ = reply && reply->status >= 200 && reply->status <= 299;
  if (serving_) {
    latency_ms_ = std::chrono::duration_cast<Millis>(reply->took).count();
    failures_ = 0;
    was_healthy_ = true;
    status_ = Health::kHealthy;
    detail_.clear();
  } else {
    detail_ = reply ? "status " + std::to_string(reply->status) : reply.error().message();
    if (regular) ++failures_;
    if (was_healthy_ && failures_ >= spec_.health_failures) status_ = Health::kUnhealthy;
  }
  if (regular) {
    const Millis pace =
        was_healthy_ ? spec_.health_interval : std::min(kWhileStarting, spec_.health_interval);
    regular_due_ =
        clock_.Now() + std::chrono::duration_cast<Millis>(pace * (1 - kJitter * RandomUnit()));
  }
  if (std::exchange(look_again_, false))
    Begin(false);
  else
    Arm();
  on_check_();
}

nlohmann::json HealthMonitor::Report() const {
  return {
      {"status",    Name(status_)},
      {"detail",    detail_      },
      {"latencyMs", latency_ms_  },
      {"checkedAt", checked_at_  },
      {"failures",  failures_    },
      {"endpoint",  endpoint_    }
  };
}

}  // namespace outrigger::companion
