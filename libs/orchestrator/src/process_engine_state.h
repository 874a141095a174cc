// SPDX-License-Identifier: Apache-2.0
// The process engine's inside: what its methods share.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control_groups.h"
#include "deployment_folder.h"
#include "members.h"
#include "outrigger/orchestrator/process_engine.h"
#include "ports.h"
#include "spawn.h"
#include "users.h"

namespace outrigger::orchestrator {

// Children of this program and how they ended.
class Children {
 public:
  void Add(pid_t pid);
  void Forget(pid_t pid);
  // Reaps whoever has ended. Call often: each is looked at by its own id, never waitpid(-1).
  void Reap();
  // The wait status; nullopt: not our child, still alive, or reaped by a predecessor.
  std::optional<int> StatusOf(pid_t pid) const;

 private:
  mutable std::mutex mutex_;
  std::map<pid_t, std::optional<int>> ended_;  // under mutex_
};

// "exit code 3", "killed by signal 9 (over its memory limit)".
std::string Describe(int wait_status, bool over_memory);

struct ProcessEngine::State {
  explicit State(ProcessEngineOptions given);

  ProcessEngineOptions options;
  ControlGroups groups;
  Users users;
  std::string tag;  // tells our groups from those of another engine
  Ports ports;
  Children children;

  std::mutex mutex;
  std::map<std::string, std::shared_ptr<std::mutex>> turns;  // under mutex
  std::map<std::string, std::int64_t> over_memory;           // instance, under mutex

  std::mutex watch_mutex;
  std::condition_variable_any watch_wake;
  std::jthread watch;  // last: it uses all above

  // One deployment's own mutex: methods on it follow each other.
  std::shared_ptr<std::mutex> TurnOf(const DeploymentFolder& folder);
  std::string GroupOf(const lifecycle::Workload& workload) const;
  Belonging BelongingOf(const DeploymentFolder& folder, const lifecycle::Workload& workload,
                        std::optional<Record> record) const;
  // The record, with `ended` filled in if its process has ended; `live` says whether it has not.
  struct Seen {
    std::optional<Record> record;
    bool live = false;
  };
  Result<Seen> Look(const DeploymentFolder& folder, const lifecycle::Workload& workload);
  std::string HowItEnded(const DeploymentFolder& folder, const lifecycle::Workload& workload,
                         const Record& record);
  // Ends every process of the deployment and gives back groups and port.
  Result<> Clear(const DeploymentFolder& folder, const lifecycle::Workload& workload,
                 const std::optional<Record>& record, bool gently);
  // The deployment's lock; whoever still holds it is ended.
  Result<Descriptor> LockFor(const DeploymentFolder& folder, const lifecycle::Workload& workload);
  Result<std::optional<uid_t>> UserFor(const DeploymentFolder& folder);
  Result<SpawnPlan> Plan(const DeploymentFolder& folder, const lifecycle::Workload& workload,
                         const lifecycle::StartSpec& spec, int port);
  // Forks, records, and lets it run.
  Result<> Launch(const DeploymentFolder& folder, const SpawnPlan& plan, Record record);

  void Watch(const std::stop_token& stop);
  void WatchOne(const lifecycle::Workload& workload);
  void WatchMemory(const DeploymentFolder& folder, const lifecycle::Workload& workload,
                   const Record& record);
  // Writes down how a child of ours has ended: nobody else will ever know.
  void RecordEnd(const DeploymentFolder& folder, const lifecycle::Workload& workload);
};

}  // namespace outrigger::orchestrator
