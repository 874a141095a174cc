// SPDX-License-Identifier: Apache-2.0
// ModelEngine: where model containers run, so that sagas start and stop them without knowing
// processes, Podman or Kubernetes.
//
// Every effect is named by the deployment, hence idempotent: a step that runs twice finds what the
// first one made. Threads:  every method may be called concurrently. See also: libs/orchestrator
// (implementations), docs/adr/0009-process-engine.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "outrigger/base/ids.h"
#include "outrigger/base/result.h"

namespace outrigger::lifecycle {

struct ImageReference {
  std::string image;  // may have path parts
  std::string tag;
  std::string digest;  // "sha256:…", may be empty
};

// What a deployment is to its engine; the labels by which it is found again.
struct Workload {
  TenantId tenant;
  ModelName model;
  DeploymentId deployment;
};

struct StartSpec {
  ImageReference image;                    // with digest
  std::map<std::string, std::string> env;  // model.env only; the engine adds its own
  std::int64_t cpu_millis = 500;
  std::int64_t memory_bytes = 256 << 20;
};

struct WorkloadState {
  enum class Phase { kAbsent, kRunning, kExited };
  Phase phase = Phase::kAbsent;
  std::string endpoint;  // "http://127.0.0.1:40123" while running
  std::string detail;    // of an exit: "exit code 3", "killed by signal 9 (over its memory limit)"
  std::int64_t instance = 0;  // grows with each start
};

class ModelEngine {
 public:
  virtual ~ModelEngine() = default;

  // The digest that a tag stands for now. Errors: kNotFound - no such image (hint: where it was
  // looked for).
  virtual Result<std::string> Resolve(const ImageReference& image) = 0;
  // Makes the deployment's own namespace (process engine: its directory and lock). Idempotent.
  virtual Result<> CreateNamespace(const Workload& workload) = 0;
  // Starts the container unless it runs; success means started, not healthy. Returns its endpoint.
  // Idempotent. Errors: kNotFound - the image is gone or its digest changed; kInvalidArgument -
  // cannot be executed; kUnavailable.
  virtual Result<std::string> Start(const Workload& workload, const StartSpec& spec) = 0;
  // Stops it: SIGTERM, then SIGKILL after a grace of 5 s. Success means no process is left.
  // Idempotent.
  virtual Result<> Stop(const Workload& workload) = 0;
  // Removes the namespace and all in it. Idempotent; requires a stopped container.
  virtual Result<> DeleteNamespace(const Workload& workload) = 0;
  virtual Result<WorkloadState> Inspect(const Workload& workload) = 0;
  // Everything that carries our labels, running or not.
  virtual Result<std::vector<Workload>> List() = 0;
  // The container's last `tail` lines of output.
  virtual Result<std::string> Logs(const Workload& workload, int tail) = 0;
};

}  // namespace outrigger::lifecycle
