// SPDX-License-Identifier: Apache-2.0
#include "spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "outrigger/base/clock.h"

namespace outrigger::orchestrator {
namespace {

constexpr rlim_t kOpenFiles = 4'096;
// With the log cut by us this is never met; it bounds the log while we are down.
constexpr rlim_t kFileBytes = rlim_t{1} << 30;
constexpr Millis kExecLimit{10'000};
// Below this lie the descriptors that the model gets: 0 to 2, 3 the lock; 4 and 5 close at exec.
constexpr int kFirstFree = 6;
constexpr int kParking = 20;

enum class Stage : int { kSession, kGroups, kLimits, kUser, kFolder, kDescriptors, kExec };

struct Report {
  Stage stage;
  int error;
};

// All a child needs, made before the fork: it may not allocate.
struct Prepared {
  std::vector<char*> environment;
  std::array<char*, 2> arguments{};
  const char* work_dir = nullptr;
  std::vector<int> groups;
  int null = -1, log = -1, lock = -1, go = -1, report = -1;
  bool own_user = false;
  uid_t user = 0;
  rlim_t max_processes = 0;
};

[[noreturn]] void Fail(int report, Stage stage) {
  const Report told{.stage = stage, .error = errno};
  [[maybe_unused]] const ssize_t put = ::write(report, &told, sizeof told);
  ::_exit(127);
}

void Limit(int report, decltype(RLIMIT_CORE) what, rlim_t most) {
  rlimit limit{};
  if (::getrlimit(what, &limit) != 0) Fail(report, Stage::kLimits);
  limit.rlim_max = limit.rlim_max < most ? limit.rlim_max : most;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(what, &limit) != 0) Fail(report, Stage::kLimits);
}

void ResetSignals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;  // a full log is an error of write(), not death
  ::sigaction(SIGXFSZ, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Runs in the child: only async-signal-safe calls from here to exec.
[[noreturn]] void BecomeModel(const Prepared& plan) {
  // Lifted first, so that no source lies where a target will be.
  const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, kParking);
  if (report < 0) ::_exit(127);
  if (::setsid() < 0) Fail(report, Stage::kSession);
  for (const int group : plan.groups)
    if (::write(group, "0", 1) != 1) Fail(report, Stage::kGroups);
  // Before the user changes, for a lower score needs privileges; the model is to go before us.
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) {
    [[maybe_unused]] const ssize_t put = ::write(score, "500", 3);
    ::close(score);
  }
  Limit(report, RLIMIT_CORE, 0);
  Limit(report, RLIMIT_NOFILE, kOpenFiles);
  Limit(report, RLIMIT_FSIZE, kFileBytes);
  if (plan.own_user) {
    Limit(report, RLIMIT_NPROC, plan.max_processes);
    if (::setgroups(0, nullptr) != 0 || ::setresgid(plan.user, plan.user, plan.user) != 0 ||
        ::setresuid(plan.user, plan.user, plan.user) != 0)
      Fail(report, Stage::kUser);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail(report, Stage::kUser);
  if (::chdir(plan.work_dir) != 0) Fail(report, Stage::kFolder);
  ::umask(077);
  const int null = ::fcntl(plan.null, F_DUPFD, kParking);
  const int log = ::fcntl(plan.log, F_DUPFD, kParking);
  const int lock = ::fcntl(plan.lock, F_DUPFD, kParking);
  const int go = ::fcntl(plan.go, F_DUPFD, kParking);
  if (null < 0 || log < 0 || lock < 0 || go < 0 || ::dup2(null, 0) < 0 || ::dup2(log, 1) < 0 ||
      ::dup2(log, 2) < 0 || ::dup2(lock, 3) < 0 || ::dup3(report, 4, O_CLOEXEC) < 0 ||
      ::dup3(go, 5, O_CLOEXEC) < 0)
    Fail(report, Stage::kDescriptors);
  if (::syscall(SYS_close_range, kFirstFree, ~0U, 0) != 0)
    for (int fd = kFirstFree; fd < 65'536; ++fd) ::close(fd);  // kernels before 5.9
  ResetSignals();
  char word = 0;
  ssize_t got = 0;
  do got = ::read(5, &word, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(0);  // who forked us is gone before it recorded us
  ::execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  Fail(4, Stage::kExec);
}

bool OpenPair(Descriptor& read_end, Descriptor& write_end) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
  read_end = Descriptor(ends[0]);
  write_end = Descriptor(ends[1]);
  return true;
}

void Reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Error Unreachable(const std::string& path, const SpawnPlan& plan, const std::string& setting) {
  const std::string barred = plan.user ? BarredFolder(path, *plan.user) : std::string();
  const std::string why =
      barred.empty() ? std::string() : " (" + barred + " bars everybody but its owner)";
  return Error(
      ErrorCode::kInvalidArgument, "the model's unprivileged user cannot reach " + path + why,
      "chmod o+x " + (barred.empty() ? path : barred) + ", or move " + setting + " out of it");
}

Error ExecError(const Report& report, const SpawnPlan& plan) {
  const std::string why = std::strerror(report.error);
  switch (report.error) {
    case EACCES: {
      if (plan.user && !BarredFolder(plan.executable, *plan.user).empty())
        return Unreachable(plan.executable, plan, "the images");
      return Error(ErrorCode::kInvalidArgument, plan.executable + " cannot be executed: " + why,
                   "chmod 755 it and its interpreter, and see that no folder on the way is barred");
    }
    case ENOENT:
    case ELOOP:
    case ENOTDIR:
      return Error(ErrorCode::kInvalidArgument,
                   plan.executable + " cannot be executed: it or its interpreter is missing",
                   "its first line (#!) or its program loader must exist on this machine");
    case ENOEXEC:
    case EINVAL:
    case ELIBBAD:
      return Error(ErrorCode::kInvalidArgument, plan.executable + " cannot be executed: " + why,
                   "it must be a program of this machine's kind or a script that begins with #!");
    case E2BIG:
      return Error(ErrorCode::kInvalidArgument, plan.executable + " cannot be executed: " + why,
                   "make model.env smaller");
    default:
      return Error(ErrorCode::kUnavailable, plan.executable + " cannot be executed: " + why);
  }
}

Error ToError(const Report& report, const SpawnPlan& plan) {
  const std::string why = std::strerror(report.error);
  switch (report.stage) {
    case Stage::kExec:
      return ExecError(report, plan);
    case Stage::kFolder:
      if (report.error == EACCES) return Unreachable(plan.work_dir, plan, "the models' directory");
      return Error(ErrorCode::kUnavailable, "cannot enter " + plan.work_dir + ": " + why);
    case Stage::kUser:
      return Error(ErrorCode::kUnavailable, "cannot give up privileges: " + why);
    case Stage::kGroups:
      return Error(ErrorCode::kUnavailable, "cannot enter the control group: " + why);
    default:
      return Error(ErrorCode::kUnavailable, "cannot prepare the process: " + why);
  }
}

}  // namespace

Result<Waiting> Fork(const SpawnPlan& plan) {
  Prepared prepared;
  for (const std::string& variable : plan.environment)
    prepared.environment.push_back(const_cast<char*>(variable.c_str()));
  prepared.environment.push_back(nullptr);
  prepared.arguments = {const_cast<char*>(plan.executable.c_str()), nullptr};
  prepared.work_dir = plan.work_dir.c_str();
  for (const Descriptor& group : plan.groups) prepared.groups.push_back(group.get());
  Descriptor go_read, go_write, report_read, report_write;
  const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.ok() || !OpenPair(go_read, go_write) || !OpenPair(report_read, report_write))
    return Error(ErrorCode::kUnavailable,
                 std::string("out of descriptors: ") + std::strerror(errno));
  prepared.null = null.get();
  prepared.log = plan.log;
  prepared.lock = plan.lock;
  prepared.go = go_read.get();
  prepared.report = report_write.get();
  prepared.own_user = plan.user.has_value();
  prepared.user = plan.user.value_or(0);
  prepared.max_processes = plan.max_processes;
  // No handler of ours may run in the child.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) BecomeModel(prepared);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0)
    return Error(ErrorCode::kUnavailable, std::string("cannot fork: ") + std::strerror(error));
  return Waiting(pid, std::move(go_write), std::move(report_read));
}

Result<> Waiting::Release(const SpawnPlan& plan) {
  // A child that has failed meanwhile shows in its report, not here.
  ::send(go_.get(), "g", 1, MSG_NOSIGNAL);
  const SteadyTime deadline = SystemClock().Now() + kExecLimit;
  while (true) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - SystemClock().Now());
    pollfd waited{.fd = report_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      Abandon();
      return Error(ErrorCode::kUnavailable, plan.executable + " was not loaded within " +
                                                std::to_string(kExecLimit.count()) + " ms");
    }
    Report report{};
    const ssize_t got = ::read(report_.get(), &report, sizeof report);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) return {};  // the descriptor closed at exec
    Reap(pid_);
    if (got != sizeof report) return Error(ErrorCode::kInternal, "a child's report was cut short");
    return ToError(report, plan);
  }
}

void Waiting::Abandon() {
  ::kill(pid_, SIGKILL);
  Reap(pid_);
}

std::string BarredFolder(const std::string& path, uid_t user) {
  for (auto slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0) return {};
    const mode_t needed = status.st_uid == user ? 0100 : status.st_gid == user ? 0010 : 0001;
    if ((status.st_mode & needed) == 0) return folder;
  }
  return {};
}

}  // namespace outrigger::orchestrator
