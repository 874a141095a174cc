// SPDX-License-Identifier: Apache-2.0
// Admission: so many at a time in all, and so many of one tenant, so that no tenant takes the place
// of the others.
//
// Threads:  every method may be called concurrently.
// Lifetime: the gauge must outlive the tickets.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "outrigger/base/metrics.h"

namespace outrigger::data_pusher {

class Admission {
 public:
  struct Limits {
    std::size_t all = 0;
    std::size_t tenant = 0;
  };
  Admission(const Limits& limits, Gauge& inside);

  enum class Full { kAll, kTenant };
  using Ticket = std::shared_ptr<void>;  // the last copy that goes makes room again
  std::expected<Ticket, Full> Enter(const std::string& tenant);
  std::size_t inside() const;

 private:
  struct State {
    mutable std::mutex mutex;
    std::size_t all = 0;
    std::map<std::string, std::size_t> by_tenant;
  };
  const Limits limits_;
  Gauge& gauge_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();  // tickets may outlive us
};

}  // namespace outrigger::data_pusher
