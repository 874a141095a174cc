// SPDX-License-Identifier: Apache-2.0
// Spawn: a new process in two steps, so that it is recorded before it runs: it is forked, made
// small (session, user, limits, descriptors), and waits; only when told does it become the model.
// If we die in between, it ends by itself.
//
// Threads: safe in a program of many threads: between fork and exec only async-signal-safe calls.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "descriptor.h"
#include "outrigger/base/result.h"

namespace outrigger::orchestrator {

struct SpawnPlan {
  std::string executable;                // absolute; also its argv[0]
  std::vector<std::string> environment;  // NAME=value, all of it
  std::string work_dir;                  // absolute
  std::optional<uid_t> user;             // also its only group; absent: ours
  int log = -1;                          // becomes 1 and 2
  int lock = -1;                         // becomes 3 and stays open
  std::vector<Descriptor> groups;        // of ControlGroups::Prepare()
  rlim_t max_processes = 0;              // with a user of its own
};

// A forked child that waits for its word.
class Waiting {
 public:
  Waiting(pid_t pid, Descriptor go, Descriptor report)
      : pid_(pid), go_(std::move(go)), report_(std::move(report)) {}
  pid_t pid() const { return pid_; }
  // Lets it become the model. Errors: kInvalidArgument - cannot be executed, or its folders cannot
  // be reached by its user; kUnavailable - the system refused; the child has ended and is reaped.
  Result<> Release(const SpawnPlan& plan);
  // Ends and reaps it.
  void Abandon();

 private:
  pid_t pid_;
  Descriptor go_;
  Descriptor report_;
};

// Errors: kUnavailable - no process can be made.
Result<Waiting> Fork(const SpawnPlan& plan);

// The first folder on the way to `path` that `user` cannot pass, judged by mode bits; empty: none.
std::string BarredFolder(const std::string& path, uid_t user);

}  // namespace outrigger::orchestrator
