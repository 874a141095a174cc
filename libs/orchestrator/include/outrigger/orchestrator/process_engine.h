// SPDX-License-Identifier: Apache-2.0
// ProcessEngine: models as plain processes of this computer, so that a model runs where there is
// neither a container engine nor a cluster.
//
// A model is the executable IMAGES/image/tag/run, started by its absolute path with a working
// directory, a session and (when we are root) a user of its own. It outlives this program and is
// found again by process id and start time; a lock on its directory, inherited by it, forbids a
// second one. Memory and CPU are limited by cgroups; where there is none, memory is watched.
// It isolates no network: a model can reach whatever this computer can.
//
// Threads:  every method may be called concurrently; Start and Stop of one deployment follow each
//           other, those of several run side by side.
// Durable:  what runs is recorded in the deployment's directory before it runs.
// Lifetime: the destructor ends the watch, not the models.
// See also: docs/adr/0009-process-engine.md, libs/orchestrator/README.md
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/lifecycle/engine.h"

namespace outrigger::orchestrator {

struct ProcessEngineOptions {
  // Folders that hold image/tag/run; the first that has an image serves it.
  std::vector<std::string> images;
  // Where deployments have their directories: TENANT/MODEL/D. Made when missing.
  std::string models_dir;
  // The users that models run as when we are root: above those of people, containers and systemd.
  std::uint32_t first_uid = 1'900'000'000;
  std::uint32_t uid_count = 1 << 24;
  // false: no cgroup is made; memory is watched, CPU is not limited.
  bool use_cgroups = true;
  // Between SIGTERM and SIGKILL.
  std::chrono::milliseconds grace{5'000};
  // A log that grows beyond this is cut; at least half of it stays readable.
  std::size_t log_bytes = 1 << 20;
  // How often logs and watched memory are looked at, and ended children reaped.
  std::chrono::milliseconds watch_interval{500};
  // Processes and threads of one model.
  int max_processes = 512;
};

class ProcessEngine final : public lifecycle::ModelEngine {
 public:
  // Errors: kInvalidArgument - no images folder, or a path that is not absolute; kUnavailable -
  // models_dir cannot be made or written.
  static Result<std::unique_ptr<ProcessEngine>> Make(ProcessEngineOptions options);
  ~ProcessEngine() override;

  Result<std::string> Resolve(const lifecycle::ImageReference& image) override;
  Result<> CreateNamespace(const lifecycle::Workload& workload) override;
  Result<std::string> Start(const lifecycle::Workload& workload,
                            const lifecycle::StartSpec& spec) override;
  Result<> Stop(const lifecycle::Workload& workload) override;
  Result<> DeleteNamespace(const lifecycle::Workload& workload) override;
  Result<lifecycle::WorkloadState> Inspect(const lifecycle::Workload& workload) override;
  Result<std::vector<lifecycle::Workload>> List() override;
  Result<std::string> Logs(const lifecycle::Workload& workload, int tail) override;

 private:
  struct State;
  explicit ProcessEngine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace outrigger::orchestrator
