// SPDX-License-Identifier: Apache-2.0
#include "members.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "outrigger/base/text.h"

namespace outrigger::orchestrator {
namespace {

constexpr Millis kFirstPoll{2};
constexpr Millis kLastPoll{50};
constexpr Millis kKillLimit{10'000};

bool HoldsOpen(pid_t pid, const FileId& file) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  DIR* listing = ::opendir(folder.c_str());
  if (listing == nullptr) return false;
  bool found = false;
  while (const dirent* entry = ::readdir(listing)) {
    if (entry->d_name[0] == '.') continue;
    found = IdOf(folder + "/" + entry->d_name) == file;
    if (found) break;
  }
  ::closedir(listing);
  return found;
}

// Whether its environment is the one that we made for this deployment: the port makes it unique.
bool HasEnvironment(pid_t pid, const Belonging& belonging) {
  const auto environment = ReadFile("/proc/" + std::to_string(pid) + "/environ");
  if (!environment || !belonging.record) return false;
  const auto variables = Split(*environment, '\0');
  return std::ranges::contains(variables, "PORT=" + std::to_string(belonging.record->port)) &&
         std::ranges::contains(variables, "OUTRIGGER_MODEL=" + belonging.workload.model.str()) &&
         std::ranges::contains(variables, "OUTRIGGER_TENANT=" + belonging.workload.tenant.str());
}

// Judges processes that share our user by what they hold. Where the deployment has a user of its
// own, that is a child of an engine on its way to that user and nobody else: a person's shell in
// the working directory is no model.
class Traces {
 public:
  Traces(const Belonging& belonging, bool thorough)
      : belonging_(belonging),
        thorough_(thorough),
        ours_(IdOf("/proc/self/exe")),
        leader_(belonging.record && LeaderLives(*belonging.record) ? belonging.record->pid : 0),
        work_(IdOf(belonging.folder->work())),
        lock_(IdOf(belonging.folder->lock())) {}

  bool Left(const ProcessInfo& process) const {
    if (belonging_.user) return thorough_ && IsChildOfAnEngine(process.pid);
    if (leader_ != 0 && (process.group == leader_ || process.session == leader_)) return true;
    const std::string cwd = "/proc/" + std::to_string(process.pid) + "/cwd";
    if (work_ && IdOf(cwd) == work_) return true;
    return thorough_ &&
           ((lock_ && HoldsOpen(process.pid, *lock_)) || HasEnvironment(process.pid, belonging_));
  }

 private:
  // It was forked and has not become the model: it still runs the engine's program.
  bool IsChildOfAnEngine(pid_t pid) const {
    return ours_ && lock_ && UserOf(pid) == ::getuid() &&
           IdOf("/proc/" + std::to_string(pid) + "/exe") == ours_ && HoldsOpen(pid, *lock_);
  }

  const Belonging& belonging_;
  bool thorough_;
  std::optional<FileId> ours_;
  pid_t leader_;
  std::optional<FileId> work_;
  std::optional<FileId> lock_;
};

}  // namespace

bool LeaderLives(const Record& record) {
  if (record.boot != BootId()) return false;
  const auto process = ReadProcess(record.pid);
  return process && process->start == record.start && !process->dead();
}

std::vector<ProcessInfo> FindMembers(const Belonging& belonging, bool thorough) {
  std::vector<pid_t> grouped = belonging.groups->Members(belonging.group);
  std::ranges::sort(grouped);
  const Traces traces(belonging, thorough);
  std::vector<ProcessInfo> members;
  for (const pid_t pid : AllPids()) {
    if (pid == ::getpid()) continue;
    bool member = std::ranges::binary_search(grouped, pid);
    if (!member && belonging.user) member = UserOf(pid) == belonging.user;
    const bool by_traces = !member && (!belonging.user || thorough);
    if (!member && !by_traces) continue;
    const auto process = ReadProcess(pid);
    if (process && !process->dead() && (member || traces.Left(*process)))
      members.push_back(*process);
  }
  return members;
}

void Signal(const std::vector<ProcessInfo>& processes, int signal) {
  for (const ProcessInfo& process : processes) {
    const Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    if (!handle.ok()) continue;
    const auto now = ReadProcess(process.pid);  // the handle pins it: number and process agree
    if (now && now->start == process.start)
      ::syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0);
  }
}

void KillUser(uid_t user) {
  OR_CHECK(user != 0, "root's processes are nobody's model");
  const pid_t pid = ::fork();
  if (pid == 0) {  // only async-signal-safe calls; all three ids, or kill would reach ours too
    if (::syscall(SYS_setresuid, user, user, user) == 0) ::kill(-1, SIGKILL);
    ::_exit(0);
  }
  while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<> EndAll(const Belonging& belonging, bool gently, Millis grace) {
  const SteadyTime begin = SystemClock().Now();
  std::vector<ProcessInfo> members = FindMembers(belonging, true);
  if (members.empty()) return {};
  if (gently) {
    std::vector<ProcessInfo> group = members;
    if (belonging.record && LeaderLives(*belonging.record))
      std::erase_if(group, [&](const ProcessInfo& p) { return p.group != belonging.record->pid; });
    Signal(group, SIGTERM);
  }
  Millis poll = kFirstPoll;
  while (!members.empty()) {
    const auto spent = SystemClock().Now() - begin;
    if (!gently || spent >= grace) {
      if (belonging.user) KillUser(*belonging.user);
      Signal(members, SIGKILL);
    }
    if (spent >= grace + kKillLimit)
      return Error(ErrorCode::kTimeout,
                   std::to_string(members.size()) + " processes of " + belonging.folder->name() +
                       " outlive SIGKILL, the first with id " + std::to_string(members.front().pid),
                   "they wait in the kernel, often for a disk; try again later");
    SleepFor(poll);
    poll = std::min(poll * 2, kLastPoll);
    members = FindMembers(belonging, false);
    if (members.empty()) members = FindMembers(belonging, true);
  }
  return {};
}

}  // namespace outrigger::orchestrator
