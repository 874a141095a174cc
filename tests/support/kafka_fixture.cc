// SPDX-License-Identifier: Apache-2.0
#include "kafka_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/text.h"

namespace outrigger::testing {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kStart{90'000};
constexpr auto kClusterId = "MkU3OEVBNTcwNTJENDM2Qk";

std::string FindJars() {
  if (const char* given = std::getenv("OUTRIGGER_KAFKA_JARS")) return given;
  const char* home = std::getenv("HOME");
  return std::string(home ? home : "/root") + "/.cache/outrigger/kafka-3.9.1/libs";
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    port = ntohs(address.sin_port);
  close(fd);
  return port;
}

pid_t Java(const std::string& jars, const std::string& log, const std::vector<std::string>& args) {
  std::vector<std::string> words{"java",
                                 "-Xmx320m",
                                 "-XX:+UseSerialGC",
                                 "-XX:TieredStopAtLevel=1",
                                 "-Dlog4j.configuration=file:" + log + ".properties",
                                 "-cp",
                                 jars + "/*"};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(fd, 1);
  dup2(fd, 2);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvp("java", argv.data());
  _exit(127);
}

std::string Settings(const std::string& directory, int port, int controller_port) {
  const std::string broker = "127.0.0.1:" + std::to_string(port);
  const std::string controller = "127.0.0.1:" + std::to_string(controller_port);
  return "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@" + controller +
         "\nlisteners=PLAINTEXT://" + broker + ",CONTROLLER://" + controller +
         "\nadvertised.listeners=PLAINTEXT://" + broker +
         "\ncontroller.listener.names=CONTROLLER\n"
         "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
         "log.dirs=" +
         directory +
         "/data\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\n"
         "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
         "transaction.state.log.num.partitions=4\n"
         "transaction.abort.timed.out.transaction.cleanup.interval.ms=500\n"
         "group.initial.rebalance.delay.ms=0\ngroup.min.session.timeout.ms=1000\n"
         "auto.create.topics.enable=false\n";
}

}  // namespace

KafkaBroker* KafkaBroker::Shared() {
  static const std::unique_ptr<KafkaBroker> broker = [] {
    auto started = Start();
    if (!started) std::fprintf(stderr, "%s\n", started.error().ToString().c_str());
    return started ? *std::move(started) : nullptr;
  }();
  return broker.get();
}

Result<std::unique_ptr<KafkaBroker>> KafkaBroker::Start() {
  std::unique_ptr<KafkaBroker> broker(new KafkaBroker);
  broker->jars_ = FindJars();
  if (!std::filesystem::exists(broker->jars_))
    return Error(ErrorCode::kNotFound, "no Kafka jars in " + broker->jars_, "OUTRIGGER_KAFKA_JARS");
  std::string name = "/tmp/outrigger-kafka-XXXXXX";
  if (!mkdtemp(name.data())) return Error(ErrorCode::kUnavailable, "no directory in /tmp");
  chmod(name.c_str(), 0755);
  broker->directory_ = name;
  const int port = FreePort();
  broker->address_ = "127.0.0.1:" + std::to_string(port);
  OR_RETURN_IF_ERROR(WriteFile(name + "/server.properties", Settings(name, port, FreePort())));
  OR_RETURN_IF_ERROR(WriteFile(name + "/kafka.log.properties",
                               "log4j.rootLogger=WARN, out\n"
                               "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
                               "log4j.appender.out.layout=org.apache.log4j.SimpleLayout\n"));
  const pid_t format = Java(
      broker->jars_, name + "/kafka.log",
      {"kafka.tools.StorageTool", "format", "-t", kClusterId, "-c", name + "/server.properties"});
  int status = 0;
  if (waitpid(format, &status, 0) != format || status != 0)
    return Error(ErrorCode::kUnavailable, "Kafka's storage could not be formatted: " + name);
  OR_RETURN_IF_ERROR(broker->Launch());
  return broker;
}

Result<> KafkaBroker::Launch() {
  pid_ = Java(jars_, directory_ + "/kafka.log", {"kafka.Kafka", directory_ + "/server.properties"});
  OR_ASSIGN(const auto admin, messaging::Admin::Make(Options("fixture")));
  const auto until = SystemClock().Now() + kStart;
  while (SystemClock().Now() < until) {
    if (admin->Topics(milliseconds{1'000})) return {};
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return Error(ErrorCode::kUnavailable, "Kafka ended: see " + directory_ + "/kafka.log");
    }
  }
  return Error(ErrorCode::kTimeout, "Kafka does not answer: see " + directory_ + "/kafka.log");
}

void KafkaBroker::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<> KafkaBroker::Restart() {
  Kill();
  return Launch();
}

KafkaBroker::~KafkaBroker() {
  Kill();
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

std::string KafkaBroker::UniqueName(const std::string& prefix) {
  return prefix + "-" + RandomId(8);
}

}  // namespace outrigger::testing
