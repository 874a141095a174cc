// SPDX-License-Identifier: Apache-2.0
#include "process_engine_state.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "log_file.h"
#include "outrigger/base/log.h"
#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

constexpr std::size_t kMaxVariables = 1'000;
constexpr Millis kLockLimit{5'000};
constexpr Millis kLockPoll{10};

bool IsVariable(const std::string& name) {
  return !name.empty() && name.find('=') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

// Names that are ours, or that change how a program is loaded.
bool IsReserved(const std::string& name) {
  return name == "PATH" || name == "PORT" || name == "AMQP_URL" || name.starts_with("LD_") ||
         name.starts_with("OUTRIGGER_");
}

}  // namespace

void Children::Add(pid_t pid) {
  const std::lock_guard hold(mutex_);
  ended_[pid] = std::nullopt;
}

void Children::Forget(pid_t pid) {
  const std::lock_guard hold(mutex_);
  ended_.erase(pid);
}

void Children::Reap() {
  const std::lock_guard hold(mutex_);
  for (auto& [pid, status] : ended_) {
    int now = 0;
    if (!status && ::waitpid(pid, &now, WNOHANG) == pid) status = now;
  }
}

std::optional<int> Children::StatusOf(pid_t pid) const {
  const std::lock_guard hold(mutex_);
  const auto found = ended_.find(pid);
  return found == ended_.end() ? std::nullopt : found->second;
}

std::string Describe(int wait_status, bool over_memory) {
  if (WIFEXITED(wait_status)) return "exit code " + std::to_string(WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  std::string text = "killed by signal " + std::to_string(signal);
  if (over_memory) return text + " (over its memory limit)";
  if (const char* name = ::sigabbrev_np(signal)) text += std::string(" (SIG") + name + ")";
  return text;
}

ProcessEngine::State::State(ProcessEngineOptions given)
    : options(std::move(given)),
      groups(options.use_cgroups),
      users(options.models_dir, options.first_uid, options.uid_count),
      tag(Sha256Hex(options.models_dir).substr(0, 8)) {}

std::shared_ptr<std::mutex> ProcessEngine::State::TurnOf(const DeploymentFolder& folder) {
  const std::lock_guard hold(mutex);
  auto& turn = turns[folder.name()];
  if (!turn) turn = std::make_shared<std::mutex>();
  return turn;
}

std::string ProcessEngine::State::GroupOf(const lifecycle::Workload& workload) const {
  return tag + "-" + workload.deployment.str();
}

Belonging ProcessEngine::State::BelongingOf(const DeploymentFolder& folder,
                                            const lifecycle::Workload& workload,
                                            std::optional<Record> record) const {
  auto user = folder.ReadUser();
  if (user && !users.Owns(folder.name(), *user)) user.reset();
  return Belonging{.folder = &folder,
                   .workload = workload,
                   .user = user,
                   .record = std::move(record),
                   .groups = &groups,
                   .group = GroupOf(workload)};
}

std::string ProcessEngine::State::HowItEnded(const DeploymentFolder& folder,
                                             const lifecycle::Workload& workload,
                                             const Record& record) {
  bool over = groups.MemoryKills(GroupOf(workload)) > record.memory_kills;
  {
    const std::lock_guard hold(mutex);
    const auto found = over_memory.find(folder.name());
    over = over || (found != over_memory.end() && found->second == record.instance);
  }
  if (const auto status = children.StatusOf(record.pid)) return Describe(*status, over);
  if (record.boot != BootId()) return "ended with the computer";
  return over ? "killed (over its memory limit)" : "ended while nobody watched";
}

Result<ProcessEngine::State::Seen> ProcessEngine::State::Look(const DeploymentFolder& folder,
                                                              const lifecycle::Workload& workload) {
  children.Reap();
  OR_ASSIGN(std::optional<Record> record, folder.ReadRecord());
  if (!record) return Seen{};
  if (LeaderLives(*record)) return Seen{.record = std::move(record), .live = true};
  children.Reap();  // it may have ended between the two looks
  if (record->ended.empty()) record->ended = HowItEnded(folder, workload, *record);
  return Seen{.record = std::move(record), .live = false};
}

Result<> ProcessEngine::State::Clear(const DeploymentFolder& folder,
                                     const lifecycle::Workload& workload,
                                     const std::optional<Record>& record, bool gently) {
  const Belonging belonging = BelongingOf(folder, workload, record);
  OR_RETURN_IF_ERROR(EndAll(belonging, gently, options.grace));
  children.Reap();
  if (record && record->ended.empty()) {
    Record ended = *record;
    ended.ended = HowItEnded(folder, workload, ended);
    OR_RETURN_IF_ERROR(folder.WriteRecord(ended));
  }
  if (record) children.Forget(record->pid);
  groups.Remove(GroupOf(workload));
  ports.Release(folder.name());
  return {};
}

Result<Descriptor> ProcessEngine::State::LockFor(const DeploymentFolder& folder,
                                                 const lifecycle::Workload& workload) {
  const SteadyTime deadline = SystemClock().Now() + kLockLimit;
  while (true) {
    auto lock = folder.TakeLock();
    if (lock || lock.error().code() != ErrorCode::kConflict || SystemClock().Now() > deadline)
      return lock;
    // A child whose parent died before it could record it: it is ending, or shows by now.
    SleepFor(kLockPoll);
    OR_RETURN_IF_ERROR(EndAll(BelongingOf(folder, workload, std::nullopt), false, Millis{0}));
  }
}

Result<std::optional<uid_t>> ProcessEngine::State::UserFor(const DeploymentFolder& folder) {
  if (!users.available()) return std::optional<uid_t>();
  const auto known = folder.ReadUser();
  if (known && users.Owns(folder.name(), *known)) return known;
  OR_ASSIGN(const uid_t user, users.Take(folder.name()));
  OR_RETURN_IF_ERROR(folder.WriteUser(user));
  return std::optional(user);
}

Result<SpawnPlan> ProcessEngine::State::Plan(const DeploymentFolder& folder,
                                             const lifecycle::Workload& workload,
                                             const lifecycle::StartSpec& spec, int port) {
  SpawnPlan plan;
  plan.work_dir = folder.work();
  plan.max_processes = static_cast<rlim_t>(options.max_processes);
  plan.environment = {"PORT=" + std::to_string(port), "OUTRIGGER_MODEL=" + workload.model.str(),
                      "OUTRIGGER_TENANT=" + workload.tenant.str(),
                      "PATH=/usr/local/bin:/usr/bin:/bin"};
  if (spec.env.size() > kMaxVariables)
    return Error(ErrorCode::kInvalidArgument, "too many environment variables", "model.env");
  for (const auto& [name, value] : spec.env) {
    if (!IsVariable(name) || IsReserved(name) || value.find('\0') != std::string::npos)
      return Error(ErrorCode::kInvalidArgument,
                   "\"" + name + "\" cannot be a variable of a model's environment", "model.env");
    plan.environment.push_back(name + "=" + value);
  }
  OR_ASSIGN(plan.groups, groups.Prepare(GroupOf(workload), {.cpu_millis = spec.cpu_millis,
                                                            .memory_bytes = spec.memory_bytes,
                                                            .processes = options.max_processes}));
  return plan;
}

Result<> ProcessEngine::State::Launch(const DeploymentFolder& folder, const SpawnPlan& plan,
                                      Record record) {
  OR_ASSIGN(Waiting child, Fork(plan));
  const auto process = ReadProcess(child.pid());
  if (!process) {
    child.Abandon();
    return Error(ErrorCode::kUnavailable, "cannot read /proc of a new process",
                 "mount /proc without hidepid for this program");
  }
  record.pid = child.pid();
  record.start = process->start;
  // Recorded before it runs: whoever finds it later knows what it is.
  if (const auto written = folder.WriteRecord(record); !written) {
    child.Abandon();
    return written;
  }
  children.Add(child.pid());
  const auto released = child.Release(plan);
  record.confirmed = released.ok();
  if (!released) record.ended = "not started: " + released.error().message();
  if (!released) children.Forget(child.pid());
  // Unconfirmed, it would be started anew by the next Start: no harm but for the model's time.
  if (const auto written = folder.WriteRecord(record); !written)
    LogWarning("how a start went could not be recorded", {written.error()});
  return released;
}

void ProcessEngine::State::Watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    children.Reap();
    for (const lifecycle::Workload& workload : FindDeployments(options.models_dir)) {
      if (stop.stop_requested()) return;
      WatchOne(workload);
    }
    std::unique_lock hold(watch_mutex);
    watch_wake.wait_for(hold, stop, options.watch_interval, [] { return false; });
  }
}

void ProcessEngine::State::WatchOne(const lifecycle::Workload& workload) {
  const auto folder = DeploymentFolder::Of(options.models_dir, workload);
  if (!folder) return;
  CutLog(folder->log(), options.log_bytes);
  const auto record = folder->ReadRecord();
  if (!record || !*record) return;
  if (LeaderLives(**record))
    WatchMemory(*folder, workload, **record);
  else if ((*record)->ended.empty() && children.StatusOf((*record)->pid))
    RecordEnd(*folder, workload);
}

void ProcessEngine::State::RecordEnd(const DeploymentFolder& folder,
                                     const lifecycle::Workload& workload) {
  const auto turn = TurnOf(folder);
  const std::unique_lock hold(*turn, std::try_to_lock);
  if (!hold.owns_lock()) return;  // somebody is at work on it and sees for himself
  const auto held = folder.TakeTurn(Millis{0});
  if (!held) return;
  const auto seen = Look(folder, workload);
  if (!seen || !seen->record || seen->live) return;
  if (const auto written = folder.WriteRecord(*seen->record); !written)
    LogWarning("how a model ended could not be recorded", {written.error()});
}

void ProcessEngine::State::WatchMemory(const DeploymentFolder& folder,
                                       const lifecycle::Workload& workload, const Record& record) {
  if (groups.limits_memory() || record.memory_bytes <= 0) return;
  const auto members = FindMembers(BelongingOf(folder, workload, record), false);
  std::uint64_t held = 0;
  for (const ProcessInfo& member : members) held += MemoryOf(member.pid);
  if (held <= static_cast<std::uint64_t>(record.memory_bytes)) return;
  {
    const std::lock_guard hold(mutex);
    over_memory[folder.name()] = record.instance;
  }
  LogWarning(
      "a model is over its memory limit and is killed",
      {
          {"deployment",  folder.name()      },
          {"bytes",       held               },
          {"limit_bytes", record.memory_bytes}
  });
  Signal(members, SIGKILL);
}

}  // namespace outrigger::orchestrator
