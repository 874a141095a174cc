// SPDX-License-Identifier: Apache-2.0
// Admin server: /livez, /readyz (?verbose) and /metrics on a port and thread of their own, so that
// health answers when everything else is busy. Metrics say the conditions of readiness too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "outrigger/base/metrics.h"
#include "outrigger/base/result.h"

namespace outrigger::http {

// One condition of readiness. `check` must not block: it reads flags that the parts keep.
struct ReadyCheck {
  std::string name;
  std::function<Result<>()> check;
  // False: a failure is told (?verbose) and takes nothing from readiness.
  bool required = true;
};

class AdminServer {
 public:
  // Errors: kUnavailable - the address is taken or not ours.
  static Result<std::unique_ptr<AdminServer>> Start(const std::string& address, std::uint16_t port,
                                                    Metrics& metrics,
                                                    std::vector<ReadyCheck> checks);
  ~AdminServer();
  std::uint16_t port() const;

 private:
  struct State;
  explicit AdminServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace outrigger::http
