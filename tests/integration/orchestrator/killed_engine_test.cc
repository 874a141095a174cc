// SPDX-License-Identifier: Apache-2.0
// What is left when the program that holds the engine is killed.
#include <sys/wait.h>

#include <random>
#include <sstream>

#include "engine_fixture.h"

namespace outrigger::orchestrator {
namespace {

// Notes every process that ever became the model.
const std::string kNotedSleeper = "#!/bin/sh\necho $$ >>pids\nexec sleep 1000\n";

class KilledEngineTest : public EngineTest {
 protected:
  std::vector<pid_t> LivingModels() {
    std::vector<pid_t> living;
    std::istringstream pids(ReadFile(Work("pids")).value_or(""));
    for (pid_t pid = 0; pids >> pid;)
      if (Lives(pid)) living.push_back(pid);
    return living;
  }

  // Runs `work` on an engine in a process of its own that is killed after `life`.
  void InAKilledProcess(std::chrono::microseconds life,
                        const std::function<void(ProcessEngine&)>& work) {
    engine_.reset();  // no thread but this one when we fork
    const pid_t victim = ::fork();
    if (victim == 0) {
      auto engine = ProcessEngine::Make(options_);
      if (engine.ok()) work(**engine);
      ::pause();
      ::_exit(1);
    }
    ::usleep(static_cast<useconds_t>(life.count()));
    ::kill(victim, SIGKILL);
    ::waitpid(victim, nullptr, 0);
    engine_ = NewEngine();
  }
};

TEST_F(KilledEngineTest, KilledAtAnyMomentOfAStartItLeavesOneModelOrNone) {
  const auto spec = Spec(kNotedSleeper);
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> life(0, 60'000);
  for (int round = 0; round < 40; ++round) {
    InAKilledProcess(std::chrono::microseconds(life(random)), [&](ProcessEngine& engine) {
      if (engine.CreateNamespace(workload_).ok()) (void)engine.Start(workload_, spec).ok();
    });

    const auto started = Run(spec);

    ASSERT_TRUE(started.ok()) << started.error().ToString();
    ASSERT_EQ(Inspect().phase, Phase::kRunning);
    ASSERT_TRUE(Eventually([&] { return LivingModels().size() == 1; }))
        << LivingModels().size() << " " << Inspect().detail << " "
        << engine_->Logs(workload_, 9).value_or("");
    ASSERT_TRUE(engine_->Stop(workload_).ok());
    ASSERT_TRUE(LivingModels().empty());
    if (round % 2 == 0) {
      ASSERT_TRUE(engine_->DeleteNamespace(workload_).ok());
    }
  }
}

TEST_F(KilledEngineTest, KilledAtAnyMomentOfAStopItIsStoppedByTheNext) {
  const auto spec = Spec(kNotedSleeper);
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> life(10'000, 80'000);
  for (int round = 0; round < 15; ++round) {
    ASSERT_TRUE(Run(spec).ok());
    InAKilledProcess(std::chrono::microseconds(life(random)), [&](ProcessEngine& engine) {
      if (engine.Stop(workload_).ok()) (void)engine.DeleteNamespace(workload_).ok();
    });

    ASSERT_TRUE(engine_->Stop(workload_).ok());
    ASSERT_TRUE(LivingModels().empty());
    ASSERT_TRUE(engine_->DeleteNamespace(workload_).ok());
    ASSERT_EQ(Inspect().phase, Phase::kAbsent);
  }
}

TEST_F(KilledEngineTest, AModelThatEndsUnwatchedIsSeenAsEnded) {
  const auto spec = Spec("#!/bin/sh\nwhile [ ! -e end ]; do sleep 0.01; done\n");
  InAKilledProcess(std::chrono::milliseconds(500), [&](ProcessEngine& engine) {
    if (engine.CreateNamespace(workload_).ok()) (void)engine.Start(workload_, spec).ok();
  });
  ASSERT_EQ(Inspect().phase, Phase::kRunning);
  ASSERT_TRUE(WriteFile(Work("end"), "").ok());

  ASSERT_TRUE(EventuallyExits());

  EXPECT_EQ(Inspect().detail, "ended while nobody watched");
}

}  // namespace
}  // namespace outrigger::orchestrator
