// SPDX-License-Identifier: Apache-2.0
// Ports: a free port for each model, so that no two deployments of this engine are given one.
//
// Taken outside the kernel's ephemeral range where possible: there, a connection somebody opens
// between our look and the model's bind would take it.
//
// Threads: every method may be called concurrently.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "outrigger/base/result.h"

namespace outrigger::orchestrator {

class Ports {
 public:
  // Errors: kResourceExhausted - no free port was found.
  Result<int> Take(const std::string& deployment);
  // Marks a port as the deployment's (found in its record).
  void Keep(const std::string& deployment, int port);
  void Release(const std::string& deployment);

 private:
  std::mutex mutex_;
  std::map<int, std::string> taken_;  // under mutex_
};

}  // namespace outrigger::orchestrator
