// SPDX-License-Identifier: Apache-2.0
// Control groups: memory, CPU and process limits of one deployment where the kernel gives us
// cgroups (version 2, or 1), so that a limit is the kernel's and not a watcher's.
//
// Threads: every method may be called concurrently for different groups.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "descriptor.h"
#include "outrigger/base/result.h"

namespace outrigger::orchestrator {

struct GroupLimits {
  std::int64_t cpu_millis = 0;
  std::int64_t memory_bytes = 0;
  int processes = 0;
};

class ControlGroups {
 public:
  // Looks once for what can be written. `usable` false: behaves as if there were no cgroups.
  explicit ControlGroups(bool usable);

  bool limits_memory() const { return !memory_.empty(); }
  bool limits_cpu() const { return !cpu_.empty(); }

  // Makes the groups of `name` with these limits and opens what a new process writes "0" into to
  // join them. Idempotent. Errors: kUnavailable - the kernel refused.
  Result<std::vector<Descriptor>> Prepare(const std::string& name, const GroupLimits& limits) const;
  // Times the kernel killed for memory in the group since it was made; 0 without such a group.
  std::int64_t MemoryKills(const std::string& name) const;
  // Whoever is in the group, whatever session or user.
  std::vector<pid_t> Members(const std::string& name) const;
  // Removes the groups of `name`; those still in use stay. Idempotent.
  void Remove(const std::string& name) const;

 private:
  std::vector<std::string> Folders(const std::string& name) const;

  bool version2_ = false;
  std::string memory_;  // ".../outrigger"; empty: no such controller
  std::string cpu_;
  std::string pids_;
};

}  // namespace outrigger::orchestrator
