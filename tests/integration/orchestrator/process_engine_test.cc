// SPDX-License-Identifier: Apache-2.0
#include "outrigger/orchestrator/process_engine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <set>
#include <thread>

#include "engine_fixture.h"

namespace outrigger::orchestrator {
namespace {

using ::testing::HasSubstr;

TEST_F(EngineTest, StartsAModelInAFolderAndSessionOfItsOwn) {
  const auto spec = Spec(
      "#!/bin/sh\nid -u >uid; pwd >cwd; cat /proc/$$/stat >stat; umask >umask; ulimit -c >core\n"
      "ls /proc/self/fd >fds; grep NoNewPrivs /proc/self/status >privs; echo $0 >name\n"
      "echo $$ >pid.tmp; mv pid.tmp pid; exec sleep 1000\n");

  const auto endpoint = Run(spec);

  ASSERT_TRUE(endpoint.ok()) << endpoint.error().ToString();
  const std::string pid = std::to_string(PidIn("pid"));
  EXPECT_THAT(Written("cwd"), HasSubstr(Folder()));
  EXPECT_THAT(Written("stat"), HasSubstr(" " + pid + " " + pid + " ")) << "group and session";
  EXPECT_EQ(Written("umask"), "0077\n");
  EXPECT_EQ(Written("core"), "0\n");
  EXPECT_THAT(Written("privs"), HasSubstr("1"));
  EXPECT_EQ(Written("name"), root_ + "/images/model/1/run\n");
  EXPECT_EQ(Written("fds"), "0\n1\n2\n3\n4\n") << "4 is the listing's own";
  if (::geteuid() == 0) {
    EXPECT_GE(std::stol(Written("uid")), 20'000);
  }
  EXPECT_EQ(Inspect().phase, Phase::kRunning);
  EXPECT_EQ(Inspect().endpoint, *endpoint);
}

TEST_F(EngineTest, GivesExactlyTheContractsEnvironment) {
  auto spec =
      Spec("#!/bin/sh\ntr '\\0' '\\n' </proc/self/environ >env.tmp; mv env.tmp env\nsleep 1000\n");
  spec.env = {
      {"DETECTOR_WARMUP", "50"   },
      {"EMPTY",           ""     },
      {"SPACED",          "a b=c"}
  };

  const auto endpoint = Run(spec);

  ASSERT_TRUE(endpoint.ok());
  const std::string port = endpoint->substr(endpoint->rfind(':') + 1);
  const std::string environment = Written("env");
  const std::set<std::string> expected = {"PORT=" + port,
                                          "OUTRIGGER_MODEL=arm",
                                          "OUTRIGGER_TENANT=default",
                                          "PATH=/usr/local/bin:/usr/bin:/bin",
                                          "DETECTOR_WARMUP=50",
                                          "EMPTY=",
                                          "SPACED=a b=c"};
  std::set<std::string> found;
  for (const auto line : Split(environment, '\n'))
    if (!line.empty() && !line.starts_with("PWD=") && !line.starts_with("_=")) found.emplace(line);
  EXPECT_EQ(found, expected);
}

TEST_F(EngineTest, RefusesVariablesThatAreOursOrTheLoaders) {
  for (const char* name :
       {"PATH", "PORT", "LD_PRELOAD", "OUTRIGGER_MODEL", "AMQP_URL", "A=B", ""}) {
    auto spec = Spec(kSleeper);
    spec.env = {
        {name, "x"}
    };

    const auto started = Run(spec);

    ASSERT_FALSE(started.ok()) << name;
    EXPECT_EQ(started.error().code(), ErrorCode::kInvalidArgument) << name;
  }
}

TEST_F(EngineTest, StartingTwiceStartsOnce) {
  const auto spec = Spec(kSleeper);
  const auto first = Run(spec);
  const pid_t pid = PidIn("pid");

  const auto second = Run(spec);

  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*second, *first);
  EXPECT_EQ(PidIn("pid"), pid);
  EXPECT_EQ(Inspect().instance, 1);
}

TEST_F(EngineTest, StartingFromManyThreadsStartsOnce) {
  const auto spec = Spec("#!/bin/sh\necho $$ >>starts\nexec sleep 1000\n");
  ASSERT_TRUE(engine_->CreateNamespace(workload_).ok());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { EXPECT_TRUE(engine_->Start(workload_, spec).ok()); });
  threads.clear();

  const std::string starts = Written("starts");

  EXPECT_EQ(std::ranges::count(starts, '\n'), 1);
  EXPECT_EQ(Inspect().instance, 1);
}

TEST_F(EngineTest, ANewEngineFindsWhatTheOldOneStarted) {
  const auto endpoint = Run(Spec(kSleeper));
  const pid_t pid = PidIn("pid");
  engine_.reset();

  engine_ = NewEngine();

  EXPECT_TRUE(Lives(pid));
  EXPECT_EQ(Inspect().phase, Phase::kRunning);
  EXPECT_EQ(Inspect().endpoint, *endpoint);
  EXPECT_EQ(*Run(Spec(kSleeper)), *endpoint);
  ASSERT_TRUE(engine_->Stop(workload_).ok());
  EXPECT_FALSE(Lives(pid));
}

TEST_F(EngineTest, TellsHowAModelEnded) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\nexit 3\n")).ok());

  ASSERT_TRUE(EventuallyExits());

  EXPECT_EQ(Inspect().detail, "exit code 3");
}

TEST_F(EngineTest, ANewEngineKnowsHowAModelEnded) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\nexit 3\n")).ok());
  ASSERT_TRUE(Eventually([&] {
    return ReadFile(Folder() + "/record").value_or("").find("exit code 3") != std::string::npos;
  }));
  engine_.reset();

  engine_ = NewEngine();

  EXPECT_EQ(Inspect().detail, "exit code 3");
}

TEST_F(EngineTest, TellsTheSignalThatEndedAModel) {
  ASSERT_TRUE(Run(Spec(kSleeper)).ok());
  ::kill(PidIn("pid"), SIGKILL);

  ASSERT_TRUE(EventuallyExits());

  EXPECT_EQ(Inspect().detail, "killed by signal 9 (SIGKILL)");
}

TEST_F(EngineTest, ANewStartIsANewInstanceOnANewPort) {
  const auto first = Run(Spec(kSleeper));
  ::kill(PidIn("pid"), SIGKILL);
  ASSERT_TRUE(EventuallyExits());

  const auto second = Run(Spec(kSleeper));

  ASSERT_TRUE(second.ok());
  EXPECT_NE(*second, *first);
  EXPECT_EQ(Inspect().instance, 2);
  EXPECT_EQ(Inspect().phase, Phase::kRunning);
}

TEST_F(EngineTest, StopsGentlyFirst) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\ntrap 'echo bye >bye; exit 0' TERM\ntouch ready\n"
                       "while :; do sleep 0.05; done\n"))
                  .ok());
  Written("ready");

  ASSERT_TRUE(engine_->Stop(workload_).ok());

  EXPECT_EQ(Written("bye"), "bye\n");
  EXPECT_EQ(Inspect().phase, Phase::kExited);
  EXPECT_EQ(Inspect().detail, "exit code 0");
}

TEST_F(EngineTest, StopsWhoeverIgnoresSigterm) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\ntrap '' TERM\necho $$ >pid.tmp; mv pid.tmp pid\n"
                       "while :; do sleep 0.05; done\n"))
                  .ok());
  const pid_t pid = PidIn("pid");

  ASSERT_TRUE(engine_->Stop(workload_).ok());

  EXPECT_FALSE(Lives(pid));
  EXPECT_THAT(Inspect().detail, HasSubstr("killed by signal 9"));
}

TEST_F(EngineTest, StoppingTwiceOrNothingSucceeds) {
  EXPECT_TRUE(engine_->Stop(workload_).ok());
  ASSERT_TRUE(Run(Spec(kSleeper)).ok());

  EXPECT_TRUE(engine_->Stop(workload_).ok());
  EXPECT_TRUE(engine_->Stop(workload_).ok());
}

TEST_F(EngineTest, NamespacesComeAndGoWithoutATrace) {
  ASSERT_TRUE(Run(Spec(kSleeper)).ok());
  PidIn("pid");
  EXPECT_EQ(engine_->DeleteNamespace(workload_).error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(engine_->Stop(workload_).ok());

  ASSERT_TRUE(engine_->DeleteNamespace(workload_).ok());

  EXPECT_TRUE(engine_->DeleteNamespace(workload_).ok());
  EXPECT_EQ(Inspect().phase, Phase::kAbsent);
  EXPECT_TRUE(engine_->List()->empty());
  EXPECT_FALSE(std::filesystem::exists(root_ + "/models/default"));
  EXPECT_TRUE(!std::filesystem::exists(root_ + "/models/.uids") ||
              std::filesystem::is_empty(root_ + "/models/.uids"));
}

TEST_F(EngineTest, ListsEveryDeployment) {
  const lifecycle::Workload other{TenantId("acme"), ModelName("pump"), DeploymentId("d2")};
  ASSERT_TRUE(engine_->CreateNamespace(workload_).ok());
  ASSERT_TRUE(engine_->CreateNamespace(workload_).ok());
  ASSERT_TRUE(engine_->CreateNamespace(other).ok());

  const auto all = engine_->List();

  ASSERT_TRUE(all.ok());
  std::set<std::string> names;
  for (const auto& workload : *all) names.insert(workload.deployment.str());
  EXPECT_EQ(names, (std::set<std::string>{"d1", "d2"}));
  EXPECT_TRUE(engine_->DeleteNamespace(other).ok());
}

TEST_F(EngineTest, StartNeedsANamespace) {
  const auto started = engine_->Start(workload_, Spec(kSleeper));

  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code(), ErrorCode::kNotFound);
}

TEST_F(EngineTest, ResolvesATagAndRefusesChangedContent) {
  auto spec = Spec(kSleeper);
  EXPECT_EQ(engine_->Resolve({"model", "1", ""}).value(), spec.image.digest);
  EXPECT_EQ(engine_->Resolve({"model", "2", ""}).error().code(), ErrorCode::kNotFound);
  Install("model", kSleeper + "# changed\n");

  const auto started = Run(spec);

  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code(), ErrorCode::kNotFound);
}

TEST_F(EngineTest, KeepsTheOutputOfAModel) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\necho out; echo err >&2; echo again >>/dev/stdout\n")).ok());
  ASSERT_TRUE(EventuallyExits());

  EXPECT_EQ(engine_->Logs(workload_, 10).value(), "out\nerr\nagain\n");
  EXPECT_EQ(engine_->Logs(workload_, 1).value(), "again\n");
}

TEST_F(EngineTest, BoundsTheOutputOfAModel) {
  options_.log_bytes = 64 << 10;
  engine_ = NewEngine();
  ASSERT_TRUE(Run(Spec("#!/bin/sh\ni=0\nwhile [ $i -lt 20000 ]; do i=$((i+1)); "
                       "echo \"line $i of a talkative model\"; done\necho last; exec sleep 1000\n"))
                  .ok());

  EXPECT_TRUE(Eventually([&] {
    std::error_code failed;
    return engine_->Logs(workload_, 1).value_or("") == "last\n" &&
           std::filesystem::file_size(Folder() + "/log", failed) <= (64 << 10);
  }));
  EXPECT_LE(std::filesystem::file_size(Folder() + "/log.1"), 64U << 10);
}

TEST_F(EngineTest, GivesEachDeploymentAPortOfItsOwn) {
  const auto spec = Spec(kSleeper);
  std::set<std::string> endpoints;
  for (int i = 0; i < 20; ++i) {
    const lifecycle::Workload workload{TenantId("default"), ModelName("arm"),
                                       DeploymentId("d" + std::to_string(100 + i))};
    ASSERT_TRUE(engine_->CreateNamespace(workload).ok());
    const auto endpoint = engine_->Start(workload, spec);
    ASSERT_TRUE(endpoint.ok()) << endpoint.error().ToString();
    endpoints.insert(*endpoint);
  }

  EXPECT_EQ(endpoints.size(), 20U);
}

TEST_F(EngineTest, RefusesNamesThatAreNoLabels) {
  for (const char* name : {"..", "a/b", "", "A", "a..b"}) {
    const lifecycle::Workload bad{TenantId("default"), ModelName(name), DeploymentId("d1")};
    EXPECT_EQ(engine_->CreateNamespace(bad).error().code(), ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(engine_->Stop(bad).error().code(), ErrorCode::kInvalidArgument) << name;
  }
}

}  // namespace
}  // namespace outrigger::orchestrator
