// SPDX-License-Identifier: Apache-2.0
// Members: every process of a deployment, so that a stop ends all of them and nothing else.
//
// Whoever has the deployment's own user or is in its control group is one, whatever session or
// parent it gave itself; and a child of an engine that holds its lock and has not changed its user
// yet. Without a user of its own: whoever is in the leader's group or session, works in its
// directory, holds its lock, or has its environment.
//
// Threads: pure functions on /proc.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "control_groups.h"
#include "deployment_folder.h"
#include "outrigger/base/clock.h"
#include "process_table.h"

namespace outrigger::orchestrator {

struct Belonging {
  const DeploymentFolder* folder = nullptr;
  lifecycle::Workload workload;
  std::optional<uid_t> user;
  std::optional<Record> record;
  const ControlGroups* groups = nullptr;
  std::string group;
};

// Whether the process that was started last still runs.
bool LeaderLives(const Record& record);
// `thorough` reads descriptors of all processes that could be a child of an engine and, without a
// user of its own, descriptors and environments of all processes.
std::vector<ProcessInfo> FindMembers(const Belonging& belonging, bool thorough);

// Sends `signal` to those that are still who they were.
void Signal(const std::vector<ProcessInfo>& processes, int signal);
// SIGKILL to all of a user at once: no fork is fast enough.
void KillUser(uid_t user);

// SIGTERM to the leader's group (`gently`), SIGKILL to all members after `grace`, until none is
// left. Errors: kTimeout - some live on, 10 s after SIGKILL.
Result<> EndAll(const Belonging& belonging, bool gently, Millis grace);

}  // namespace outrigger::orchestrator
