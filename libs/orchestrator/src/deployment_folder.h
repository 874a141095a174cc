// SPDX-License-Identifier: Apache-2.0
// Deployment folder: MODELS/TENANT/MODEL/D and what lies in it, so that a deployment is found again
// by whoever comes after us.
//
//   work/    the model's working directory, its user's own (0700)
//   log      its output; log.1: what was cut off last; log.lock: locked by who cuts
//   lock     locked by the model itself through a descriptor it inherits: it lives while this holds
//   turn     locked by an engine while it starts, stops or removes the deployment
//   record   what was started last (JSON), replaced whole before it runs
//   user     its user id
//
// Threads: plain values; files are replaced whole.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "descriptor.h"
#include "outrigger/base/result.h"
#include "outrigger/lifecycle/engine.h"

namespace outrigger::orchestrator {

// What was started last in a deployment.
struct Record {
  std::int64_t instance = 0;
  std::string boot;
  pid_t pid = 0;
  std::uint64_t start = 0;
  int port = 0;
  std::string executable;
  std::string digest;
  std::int64_t memory_bytes = 0;
  std::int64_t memory_kills = 0;  // of its control group when it was started
  // The process has become the model. Without it, it may still wait for an engine that is gone.
  bool confirmed = false;
  std::string ended;  // how it ended, for a person; empty: nobody saw it end
};

class DeploymentFolder {
 public:
  // Errors: kInvalidArgument - a name that is no label.
  static Result<DeploymentFolder> Of(const std::string& models_dir,
                                     const lifecycle::Workload& workload);

  const std::string& path() const { return path_; }
  // "TENANT/MODEL/D"
  const std::string& name() const { return name_; }
  std::string work() const { return path_ + "/work"; }
  std::string log() const { return path_ + "/log"; }
  std::string lock() const { return path_ + "/lock"; }
  bool Exists() const;

  // Makes all but `user`. Idempotent.
  Result<> Make(std::optional<uid_t> owner) const;
  // Removes all, `record` and the folder itself last. Idempotent.
  Result<> Remove(const std::string& models_dir) const;

  // nullopt: nothing was started. Errors: kCorrupt, kUnavailable.
  Result<std::optional<Record>> ReadRecord() const;
  Result<> WriteRecord(const Record& record) const;

  std::optional<uid_t> ReadUser() const;
  Result<> WriteUser(uid_t user) const;

  // The turn, held until the descriptor closes. Errors: kConflict - another engine has it;
  // kNotFound - the folder is gone.
  Result<Descriptor> TakeTurn(std::chrono::milliseconds limit) const;
  // What the model writes its output to, appended; `owner` may open it anew (/dev/stdout).
  Result<Descriptor> OpenLog(std::optional<uid_t> owner) const;
  // The lock the model is to inherit. Errors: kConflict - a process holds it.
  Result<Descriptor> TakeLock() const;

 private:
  DeploymentFolder(std::string path, std::string name)
      : path_(std::move(path)), name_(std::move(name)) {}
  std::string path_;
  std::string name_;
};

// Makes a folder and its parents: everybody may pass, only we may list and write. What is there
// stays as it is. Errors: kUnavailable.
Result<> MakePassableFolder(const std::string& path);

// Every deployment below `models_dir`.
std::vector<lifecycle::Workload> FindDeployments(const std::string& models_dir);

}  // namespace outrigger::orchestrator
