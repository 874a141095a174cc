// SPDX-License-Identifier: Apache-2.0
#include "outrigger/orchestrator/process_engine.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "image_folders.h"
#include "log_file.h"
#include "outrigger/base/log.h"
#include "outrigger/base/text.h"
#include "process_engine_state.h"

namespace outrigger::orchestrator {
namespace {

using lifecycle::ImageReference;
using lifecycle::StartSpec;
using lifecycle::Workload;
using lifecycle::WorkloadState;

constexpr Millis kTurnLimit{30'000};

std::string EndpointOf(int port) { return "http://127.0.0.1:" + std::to_string(port); }

bool IsCleanAbsolute(const std::string& path) {
  return std::filesystem::path(path).is_absolute() &&
         std::ranges::none_of(Split(path, '/'), [](auto part) { return part == ".."; });
}

// "/a/b/" and "/a//b" become "/a/b": a path is compared and shown as one text.
std::string Tidy(const std::string& path) {
  std::string tidy = std::filesystem::path(path).lexically_normal().string();
  while (tidy.size() > 1 && tidy.back() == '/') tidy.pop_back();
  return tidy;
}

}  // namespace

Result<std::unique_ptr<ProcessEngine>> ProcessEngine::Make(ProcessEngineOptions options) {
  std::erase_if(options.images, [](const std::string& folder) { return folder.empty(); });
  if (options.images.empty())
    return Error(ErrorCode::kInvalidArgument, "the process engine has no folder of images",
                 "images: a list of absolute paths");
  for (std::string* path : [&] {
         std::vector<std::string*> all{&options.models_dir};
         for (std::string& folder : options.images) all.push_back(&folder);
         return all;
       }()) {
    if (!IsCleanAbsolute(*path))
      return Error(ErrorCode::kInvalidArgument, "\"" + *path + "\" is no absolute path",
                   "images, models_dir: absolute paths without \"..\"");
    *path = Tidy(*path);
  }
  OR_RETURN_IF_ERROR(MakePassableFolder(options.models_dir));
  if (::access(options.models_dir.c_str(), W_OK) != 0)
    return Error(ErrorCode::kUnavailable, "cannot write to " + options.models_dir);
  auto state = std::make_unique<State>(std::move(options));
  state->users.Sweep();
  for (const Workload& workload : FindDeployments(state->options.models_dir)) {
    OR_ASSIGN(const auto folder, DeploymentFolder::Of(state->options.models_dir, workload));
    const auto record = folder.ReadRecord();
    if (record && *record && LeaderLives(**record))
      state->ports.Keep(folder.name(), (*record)->port);
  }
  LogWarning("models run as processes and share this computer's network: nothing isolates it",
             {
                 {"models_dir",   state->options.models_dir                           },
                 {"own_users",    state->users.available()                            },
                 {"memory_limit", state->groups.limits_memory() ? "cgroup" : "watched"},
                 {"cpu_limit",    state->groups.limits_cpu() ? "cgroup" : "none"      }
  });
  State* inside = state.get();
  state->watch = std::jthread([inside](const std::stop_token& stop) { inside->Watch(stop); });
  return std::unique_ptr<ProcessEngine>(new ProcessEngine(std::move(state)));
}

ProcessEngine::ProcessEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}
ProcessEngine::~ProcessEngine() = default;

Result<std::string> ProcessEngine::Resolve(const ImageReference& image) {
  OR_ASSIGN(FoundImage found, FindImage(state_->options.images, image));
  return std::move(found.digest);
}

Result<> ProcessEngine::CreateNamespace(const Workload& workload) {
  OR_ASSIGN(const auto folder, DeploymentFolder::Of(state_->options.models_dir, workload));
  const auto turn = state_->TurnOf(folder);
  const std::lock_guard hold(*turn);
  OR_RETURN_IF_ERROR(folder.Make(std::nullopt));
  OR_ASSIGN(const Descriptor held, folder.TakeTurn(kTurnLimit));
  OR_ASSIGN(const auto user, state_->UserFor(folder));
  return folder.Make(user);
}

Result<std::string> ProcessEngine::Start(const Workload& workload, const StartSpec& spec) {
  OR_ASSIGN(const auto folder, DeploymentFolder::Of(state_->options.models_dir, workload));
  const auto turn = state_->TurnOf(folder);
  const std::lock_guard hold(*turn);
  OR_ASSIGN(const Descriptor held, folder.TakeTurn(kTurnLimit));
  OR_ASSIGN(const State::Seen seen, state_->Look(folder, workload));
  if (seen.live && seen.record->confirmed) return EndpointOf(seen.record->port);
  OR_ASSIGN(const FoundImage image, FindImage(state_->options.images, spec.image));
  // Whatever the last one left behind, in whatever session, would meet the new one.
  OR_RETURN_IF_ERROR(state_->Clear(folder, workload, seen.record, false));
  OR_ASSIGN(const auto user, state_->UserFor(folder));
  OR_RETURN_IF_ERROR(folder.Make(user));
  OR_ASSIGN(const Descriptor lock, state_->LockFor(folder, workload));
  OR_ASSIGN(const Descriptor log, folder.OpenLog(user));
  OR_ASSIGN(const int port, state_->ports.Take(folder.name()));
  OR_ASSIGN(SpawnPlan plan, state_->Plan(folder, workload, spec, port));
  plan.executable = image.executable;
  plan.user = user;
  plan.lock = lock.get();
  plan.log = log.get();
  const Record record{.instance = seen.record ? seen.record->instance + 1 : 1,
                      .boot = BootId(),
                      .pid = 0,
                      .start = 0,
                      .port = port,
                      .executable = image.executable,
                      .digest = image.digest,
                      .memory_bytes = spec.memory_bytes,
                      .memory_kills = state_->groups.MemoryKills(state_->GroupOf(workload)),
                      .confirmed = false,
                      .ended = {}};
  if (const auto launched = state_->Launch(folder, plan, record); !launched) {
    state_->groups.Remove(state_->GroupOf(workload));
    state_->ports.Release(folder.name());
    return launched.error();
  }
  LogInfo("model started", {
                               {"deployment", folder.name()   },
                               {"executable", image.executable},
                               {"instance",   record.instance },
                               {"port",       port            }
  });
  return EndpointOf(port);
}

Result<> ProcessEngine::Stop(const Workload& workload) {
  OR_ASSIGN(const auto folder, DeploymentFolder::Of(state_->options.models_dir, workload));
  if (!folder.Exists()) return {};
  const auto turn = state_->TurnOf(folder);
  const std::lock_guard hold(*turn);
  const auto held = folder.TakeTurn(kTurnLimit);
  if (!held && held.error().code() == ErrorCode::kNotFound) return {};
  if (!held) return held.error();
  const auto seen = state_->Look(folder, workload);
  // A record nobody can read must not keep processes alive.
  const std::optional<Record> record = seen ? seen->record : std::nullopt;
  OR_RETURN_IF_ERROR(state_->Clear(folder, workload, record, true));
  return {};
}

Result<> ProcessEngine::DeleteNamespace(const Workload& workload) {
  OR_ASSIGN(const auto folder, DeploymentFolder::Of(state_->options.models_dir, workload));
  if (!folder.Exists()) return {};
  const auto turn = state_->TurnOf(folder);
  const std::lock_guard hold(*turn);
  const auto held = folder.TakeTurn(kTurnLimit);
  if (!held && held.error().code() == ErrorCode::kNotFound) return {};
  if (!held) return held.error();
  const auto record = folder.ReadRecord();
  const auto members =
      FindMembers(state_->BelongingOf(folder, workload, record ? *record : std::nullopt), true);
  if (!members.empty())
    return Error(ErrorCode::kConflict,
                 folder.name() + " still has " + std::to_string(members.size()) + " processes",
                 "Stop comes before DeleteNamespace");
  const auto user = folder.ReadUser();
  state_->groups.Remove(state_->GroupOf(workload));
  OR_RETURN_IF_ERROR(folder.Remove(state_->options.models_dir));
  // After the folder: an id that is free while a folder names it could be given to another.
  if (user) state_->users.Release(folder.name(), *user);
  state_->ports.Release(folder.name());
  const std::lock_guard all(state_->mutex);
  state_->turns.erase(folder.name());
  state_->over_memory.erase(folder.name());
  return {};
}

Result<WorkloadState> ProcessEngine::Inspect(const Workload& workload) {
  OR_ASSIGN(const auto folder, DeploymentFolder::Of(state_->options.models_dir, workload));
  WorkloadState result;
  if (!folder.Exists()) return result;
  OR_ASSIGN(const State::Seen seen, state_->Look(folder, workload));
  if (!seen.record) return result;
  result.instance = seen.record->instance;
  result.phase = seen.live ? WorkloadState::Phase::kRunning : WorkloadState::Phase::kExited;
  if (seen.live) result.endpoint = EndpointOf(seen.record->port);
  if (!seen.live) result.detail = seen.record->ended;
  return result;
}

Result<std::vector<Workload>> ProcessEngine::List() {
  return FindDeployments(state_->options.models_dir);
}

Result<std::string> ProcessEngine::Logs(const Workload& workload, int tail) {
  OR_ASSIGN(const auto folder, DeploymentFolder::Of(state_->options.models_dir, workload));
  if (!folder.Exists())
    return Error(ErrorCode::kNotFound, "deployment " + folder.name() + " has no logs");
  return TailOfLog(folder.log(), tail, state_->options.log_bytes);
}

}  // namespace outrigger::orchestrator
