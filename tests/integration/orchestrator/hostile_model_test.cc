// SPDX-License-Identifier: Apache-2.0
// What a bad or hostile model does to the engine.
#include <sys/wait.h>

#include <fstream>
#include <set>

#include "engine_fixture.h"

namespace outrigger::orchestrator {
namespace {

using ::testing::HasSubstr;

TEST_F(EngineTest, SaysWhatIsWrongWithAnExecutable) {
  const auto fails = [&](const std::string& script, unsigned mode = 0755) {
    lifecycle::StartSpec spec;
    spec.image = Install("broken", script, mode);
    const auto started = Run(spec);
    EXPECT_FALSE(started.ok()) << script;
    return started.ok() ? Error(ErrorCode::kInternal, "started") : started.error();
  };

  EXPECT_THAT(fails("#!/no/such/interpreter\n").message(), HasSubstr("interpreter is missing"));
  EXPECT_EQ(fails("#!/no/such/interpreter\n").code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(fails(std::string("\x7f") + "ELF nonsense").code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(fails("echo no first line\n").code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(fails("").code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(fails(kSleeper, 0644).code(), ErrorCode::kInvalidArgument);
  if (::geteuid() == 0) {
    EXPECT_EQ(fails(kSleeper, 0700).code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(Inspect().phase, Phase::kExited);
  EXPECT_THAT(Inspect().detail, HasSubstr("not started"));
}

TEST_F(EngineTest, StartsAfterAFailedStart) {
  lifecycle::StartSpec broken;
  broken.image = Install("broken", "#!/no/such/interpreter\n");
  ASSERT_FALSE(Run(broken).ok());

  EXPECT_TRUE(Run(Spec(kSleeper)).ok());
}

TEST_F(EngineTest, NamesTheFolderThatBarsTheModelsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives models users of their own";
  auto spec = Spec(kSleeper);
  std::filesystem::permissions(root_ + "/images/model", std::filesystem::perms(0700));

  const auto started = Run(spec);

  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(started.error().ToString(), HasSubstr("chmod o+x " + root_ + "/images/model"));
}

TEST_F(EngineTest, NamesTheFolderThatBarsTheWorkingDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives models users of their own";
  const auto spec = Spec(kSleeper);
  std::filesystem::permissions(root_ + "/models", std::filesystem::perms(0700));

  const auto started = Run(spec);

  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().ToString(), HasSubstr("chmod o+x " + root_ + "/models"));
}

TEST_F(EngineTest, EndsChildrenInSessionsOfTheirOwn) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\n"
                       "setsid sh -c 'cd /tmp; exec 3>&-; trap \"\" TERM; "
                       "echo $$ >'$PWD'/stray.tmp; mv '$PWD'/stray.tmp '$PWD'/stray; "
                       "while :; do sleep 0.05; done' &\n"
                       "(trap '' TERM; while :; do sleep 0.05; done) &\n"
                       "exec sleep 1000\n"))
                  .ok());
  const pid_t stray = PidIn("stray");

  ASSERT_TRUE(engine_->Stop(workload_).ok());

  EXPECT_FALSE(Lives(stray));
}

TEST_F(EngineTest, EndsTheOrphansOfADeadModelBeforeItStartsAnother) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\nsetsid sh -c 'echo $$ >stray.tmp; mv stray.tmp stray; "
                       "exec sleep 1000' &\nwhile [ ! -e stray ]; do sleep 0.01; done\nexit 1\n"))
                  .ok());
  const pid_t stray = PidIn("stray");
  ASSERT_TRUE(EventuallyExits());

  const auto again = Run(Spec(kSleeper));

  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_FALSE(Lives(stray));
}

TEST_F(EngineTest, EndsAForkBomb) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "without a user of its own a bomb is bounded by cgroups only";
  options_.max_processes = 60;
  engine_ = NewEngine();
  ASSERT_TRUE(
      Run(Spec("#!/bin/sh\ntrap '' TERM\nb() { while :; do (trap '' TERM; setsid sh -c "
               "'sleep 0.01' 2>/dev/null; touch lit; b) 2>/dev/null & sleep 0.001; done; }\n"
               "b\n"))
          .ok());
  Written("lit");

  ASSERT_TRUE(engine_->Stop(workload_).ok());

  EXPECT_TRUE(engine_->DeleteNamespace(workload_).ok());
}

TEST_F(EngineTest, APersonsShellInTheWorkingDirectoryIsNotTheModel) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives models users of their own";
  ASSERT_TRUE(Run(Spec(kSleeper)).ok());
  const pid_t model = PidIn("pid");
  const std::string visit = "cd " + Folder() +
                            "/work && exec 9<../lock && echo $$ >visitor.tmp && "
                            "mv visitor.tmp visitor && exec sleep 1000";
  const pid_t visitor = ::fork();
  if (visitor == 0) {
    ::execl("/bin/sh", "sh", "-c", visit.c_str(), nullptr);
    ::_exit(127);
  }
  ASSERT_EQ(PidIn("visitor"), visitor);

  ASSERT_TRUE(engine_->Stop(workload_).ok());

  EXPECT_FALSE(Lives(model));
  EXPECT_TRUE(Lives(visitor));
  ::kill(visitor, SIGKILL);
  ::waitpid(visitor, nullptr, 0);
}

TEST_F(EngineTest, ALockThatTheModelLetsGoDoesNotHideIt) {
  ASSERT_TRUE(
      Run(Spec("#!/bin/sh\nexec 3>&-\necho $$ >pid.tmp; mv pid.tmp pid\nexec sleep 1000\n")).ok());
  const pid_t pid = PidIn("pid");

  const auto again = Run(Spec(kSleeper));

  EXPECT_TRUE(again.ok());
  EXPECT_EQ(Inspect().instance, 1);
  ASSERT_TRUE(engine_->Stop(workload_).ok());
  EXPECT_FALSE(Lives(pid));
}

TEST_F(EngineTest, ARecordThatIsLostDoesNotHideTheModel) {
  ASSERT_TRUE(Run(Spec(kSleeper)).ok());
  const pid_t pid = PidIn("pid");
  std::filesystem::remove(Folder() + "/record");
  std::filesystem::remove(Work("pid"));

  const auto again = Run(Spec(kSleeper));

  ASSERT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_NE(PidIn("pid"), pid);
  EXPECT_FALSE(Lives(pid));
}

TEST_F(EngineTest, ARecordThatIsNonsenseDoesNotKeepTheModelAlive) {
  ASSERT_TRUE(Run(Spec(kSleeper)).ok());
  const pid_t pid = PidIn("pid");
  ASSERT_TRUE(WriteFile(Folder() + "/record", "{nonsense").ok());

  EXPECT_TRUE(engine_->Stop(workload_).ok());

  EXPECT_FALSE(Lives(pid));
  EXPECT_TRUE(engine_->DeleteNamespace(workload_).ok());
}

TEST_F(EngineTest, AReusedProcessIdIsNotTheModel) {
  ASSERT_TRUE(Run(Spec("#!/bin/sh\nexit 0\n")).ok());
  ASSERT_TRUE(EventuallyExits());
  engine_.reset();
  // The record now names this very test, with another start time.
  std::string record = ReadFile(Folder() + "/record").value();
  const auto at = record.find("\"pid\":") + 6;
  record.replace(at, record.find_first_of(",}", at) - at, std::to_string(::getpid()));
  ASSERT_TRUE(WriteFile(Folder() + "/record", record).ok());

  engine_ = NewEngine();

  EXPECT_EQ(Inspect().phase, Phase::kExited);
  EXPECT_TRUE(engine_->Stop(workload_).ok());
}

TEST_F(EngineTest, ModelsCannotTouchEachOthersFiles) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives models users of their own";
  const lifecycle::Workload other{TenantId("acme"), ModelName("pump"), DeploymentId("d2")};
  ASSERT_TRUE(Run(Spec("#!/bin/sh\necho secret >secret; touch done; exec sleep 1000\n")).ok());
  Written("done");
  lifecycle::StartSpec spy;
  spy.image = Install("spy", "#!/bin/sh\ncat " + Work("secret") + " " + Folder() + "/log " +
                                 Folder() + "/record; echo x >" + Folder() + "/lock; kill -9 -1\n");
  ASSERT_TRUE(engine_->CreateNamespace(other).ok());
  ASSERT_TRUE(engine_->Start(other, spy).ok());

  ASSERT_TRUE(Eventually([&] { return engine_->Inspect(other)->phase == Phase::kExited; }));

  EXPECT_EQ(engine_->Logs(other, 99)->find("secret\n"), std::string::npos);
  EXPECT_THAT(engine_->Logs(other, 99).value(), HasSubstr("Permission denied"));
  EXPECT_EQ(Inspect().phase, Phase::kRunning);
}

TEST_F(EngineTest, KillsAModelOverItsMemoryLimit) {
  auto spec = Spec("#!/usr/bin/python3\nx = bytearray(200 << 20)\nimport time\ntime.sleep(1000)\n");
  spec.memory_bytes = 64 << 20;
  ASSERT_TRUE(Run(spec).ok());

  ASSERT_TRUE(EventuallyExits());

  EXPECT_EQ(Inspect().detail, "killed by signal 9 (over its memory limit)");
}

TEST_F(EngineTest, WatchesMemoryWhereThereIsNoCgroup) {
  options_.use_cgroups = false;
  engine_ = NewEngine();
  auto spec = Spec(
      "#!/usr/bin/python3\nx = bytearray(b'1') * (200 << 20)\nimport time\ntime.sleep(1000)\n");
  spec.memory_bytes = 64 << 20;
  ASSERT_TRUE(Run(spec).ok());

  ASSERT_TRUE(EventuallyExits());

  EXPECT_EQ(Inspect().detail, "killed by signal 9 (over its memory limit)");
}

TEST_F(EngineTest, LimitsTheCpu) {
  auto spec = Spec(
      "#!/usr/bin/python3\nimport os, time\nwall = time.monotonic()\n"
      "while time.monotonic() - wall < 2: pass\n"
      "open('t', 'w').write(str(sum(os.times()[:2])))\nos.rename('t', 'cpu')\ntime.sleep(1000)\n");
  spec.cpu_millis = 200;
  if (ReadFile("/proc/self/mounts")->find("cgroup") == std::string::npos || ::geteuid() != 0)
    GTEST_SKIP() << "no cgroups here";
  ASSERT_TRUE(Run(spec).ok());

  EXPECT_LT(std::stod(Written("cpu")), 1.2) << "CPU seconds in 2 s at a limit of 0.2";
}

TEST_F(EngineTest, LeavesNoControlGroup) {
  ASSERT_TRUE(Run(Spec(kSleeper)).ok());
  const std::string groups = ReadFile("/proc/" + std::to_string(PidIn("pid")) + "/cgroup").value();
  if (groups.find("/outrigger/") == std::string::npos) GTEST_SKIP() << "no cgroups here";
  const auto begin = groups.find("/outrigger/");
  const std::string group = groups.substr(begin, groups.find('\n', begin) - begin);

  ASSERT_TRUE(engine_->Stop(workload_).ok());

  for (const char* controller : {"memory", "cpu", "pids", ""})
    EXPECT_FALSE(std::filesystem::exists(std::string("/sys/fs/cgroup/") + controller + group));
}

}  // namespace
}  // namespace outrigger::orchestrator
