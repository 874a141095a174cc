// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle_bench.h"
#include "outrigger/lifecycle/reconciler.h"
#include "outrigger/lifecycle/supervisor.h"

namespace outrigger::testing {
namespace {

using namespace outrigger::lifecycle;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SupervisionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"one", "two", "three"}) {
      bench_.backend->Submit(tenant_, ModelName(name));
      ASSERT_TRUE(bench_.Ask(tenant_, ModelName(name), Action::kDeploy).ok());
    }
    ASSERT_TRUE(bench_.Work());
  }
  Workload Of(const std::string& name) { return bench_.WorkloadOf(tenant_, ModelName(name)); }
  State StateOf(const std::string& name) { return bench_.StateOf(tenant_, ModelName(name)); }
  StateChange LastOf(const std::string& name) {
    return bench_.lifecycle.StateHistory(tenant_, ModelName(name), 1)->at(0);
  }
  std::vector<HealthSample> HealthOf(const std::string& name) {
    return *bench_.lifecycle.HealthHistory(tenant_, ModelName(name), 100);
  }
  // The companion of `name` stops talking; the others go on.
  void Silence(const std::string& name) { world_.Say(Of(name), *world_.Status(Of(name))); }

  const TenantId tenant_{"red"};
  LifecycleBench bench_{[](Clock& clock) -> std::unique_ptr<LifecycleBackend> {
    return std::make_unique<InMemoryBackend>(clock);
  }};
  FakeWorld& world_ = bench_.world;
  Supervisor supervisor_{bench_.backend->watch(), bench_.lifecycle, world_, world_, bench_.clock};
  Reconciler reconciler_{
      bench_.backend->watch(), bench_.lifecycle, world_, world_, world_, bench_.clock};
};

TEST_F(SupervisionTest, LeavesHealthyModelsAlone) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(supervisor_.Tick().ok());
    ASSERT_TRUE(reconciler_.Tick().ok());
    bench_.clock.Advance(Millis{1'000});
  }

  for (const char* name : {"one", "two", "three"}) EXPECT_EQ(StateOf(name), State::kActive);
}

TEST_F(SupervisionTest, RecoversAModelWhoseContainerExited) {
  world_.Exit(Of("two"), "killed by signal 9");

  ASSERT_TRUE(supervisor_.Tick().ok());

  EXPECT_EQ(StateOf("one"), State::kActive);
  ASSERT_EQ(StateOf("two"), State::kRecovering);
  EXPECT_EQ(LastOf("two").reason, "ContainerExited");
  EXPECT_THAT(LastOf("two").message, HasSubstr("signal 9"));
  EXPECT_EQ(LastOf("two").actor, "supervisor");
  ASSERT_TRUE(bench_.Work());
  EXPECT_EQ(StateOf("two"), State::kActive);
}

TEST_F(SupervisionTest, RecoversAfterSoManyFailuresInARowAndNotBefore) {
  CompanionStatus status = *world_.Status(Of("one"));
  status.health = "UNHEALTHY";
  status.health_detail = "503";
  status.failures = 2;
  world_.Say(Of("one"), status);
  ASSERT_TRUE(supervisor_.Tick().ok());
  ASSERT_EQ(StateOf("one"), State::kActive);

  status.failures = 3;
  world_.Say(Of("one"), status);
  ASSERT_TRUE(supervisor_.Tick().ok());

  EXPECT_EQ(StateOf("one"), State::kRecovering);
  EXPECT_EQ(LastOf("one").reason, "Unhealthy");
  EXPECT_EQ(HealthOf("one")[0].status, "UNHEALTHY");
}

TEST_F(SupervisionTest, IgnoresFailuresOfAnEarlierContainer) {
  CompanionStatus status = *world_.Status(Of("one"));
  status.health = "UNHEALTHY";
  status.failures = 99;
  status.health_endpoint = "http://127.0.0.1:1";
  world_.Say(Of("one"), status);

  ASSERT_TRUE(supervisor_.Tick().ok());

  EXPECT_EQ(StateOf("one"), State::kActive);
}

TEST_F(SupervisionTest, RecoversTheOneWhoseCompanionIsSilentWhileOthersReport) {
  ASSERT_TRUE(supervisor_.Tick().ok());
  Silence("one");
  bench_.clock.Advance(Millis{14'000});
  ASSERT_TRUE(supervisor_.Tick().ok());
  ASSERT_EQ(StateOf("one"), State::kActive);

  bench_.clock.Advance(Millis{2'000});
  ASSERT_TRUE(supervisor_.Tick().ok());

  EXPECT_EQ(StateOf("one"), State::kRecovering);
  EXPECT_EQ(LastOf("one").reason, "CompanionSilent");
  EXPECT_EQ(StateOf("two"), State::kActive);
}

TEST_F(SupervisionTest, RestartsNobodyWhenMostAreSilent) {
  ASSERT_TRUE(supervisor_.Tick().ok());
  Silence("one");
  Silence("two");
  bench_.clock.Advance(Millis{60'000});

  ASSERT_TRUE(supervisor_.Tick().ok());

  for (const char* name : {"one", "two", "three"}) EXPECT_EQ(StateOf(name), State::kActive);
  EXPECT_EQ(HealthOf("one")[0].status, "UNKNOWN");
}

TEST_F(SupervisionTest, RestartsNobodyWhenWeReadTheJournalLate) {
  ASSERT_TRUE(supervisor_.Tick().ok());
  Silence("one");
  bench_.clock.Advance(Millis{60'000});

  ASSERT_TRUE(supervisor_.Tick(true).ok());

  EXPECT_EQ(StateOf("one"), State::kActive);
}

TEST_F(SupervisionTest, RestartsNobodyWhenTheEngineDoesNotAnswer) {
  world_.Exit(Of("one"), "exit code 1");
  world_.Fail("inspect", Error(ErrorCode::kUnavailable, "no engine"), 1);

  ASSERT_TRUE(supervisor_.Tick().ok());

  EXPECT_EQ(StateOf("one"), State::kActive);
}

TEST_F(SupervisionTest, KeepsChangesOfHealthAndOneSampleAMinute) {
  for (int i = 0; i < 130; ++i) {
    ASSERT_TRUE(supervisor_.Tick().ok());
    bench_.clock.Advance(Millis{1'000});
  }
  EXPECT_EQ(HealthOf("one").size(), 3u);

  world_.SetHealthy(false);
  ASSERT_TRUE(supervisor_.Tick().ok());
  ASSERT_TRUE(supervisor_.Tick().ok());

  ASSERT_EQ(HealthOf("one").size(), 4u);
  EXPECT_EQ(HealthOf("one")[0].status, "UNHEALTHY");
}

TEST_F(SupervisionTest, ForgetsTriesOnlyAfterUnbrokenHealth) {
  world_.Exit(Of("one"), "exit code 1");
  ASSERT_TRUE(supervisor_.Tick().ok());
  ASSERT_TRUE(bench_.Work());
  const auto tries = [&] {
    const auto watched = bench_.backend->watch().Watched();
    for (const WatchedModel& model : *watched)
      if (model.workload.model == ModelName("one")) return model.tries;
    return -1;
  };
  ASSERT_EQ(tries(), 1);
  for (int i = 0; i < 59; ++i) {
    ASSERT_TRUE(supervisor_.Tick().ok());
    bench_.clock.Advance(Millis{1'000});
  }
  EXPECT_EQ(tries(), 1);

  bench_.clock.Advance(Millis{2'000});
  ASSERT_TRUE(supervisor_.Tick().ok());

  EXPECT_EQ(tries(), 0);
}

TEST_F(SupervisionTest, RemovesAStrayContainerAfterTheGrace) {
  const Workload stray{tenant_, ModelName("one"), DeploymentId("old")};
  world_.StartStray(stray);

  ASSERT_TRUE(reconciler_.Tick().ok());
  EXPECT_TRUE(world_.Runs(stray));
  bench_.clock.Advance(Millis{11'000});
  ASSERT_TRUE(reconciler_.Tick().ok());

  EXPECT_FALSE(world_.Runs(stray));
  EXPECT_TRUE(world_.Runs(Of("one")));
  EXPECT_THAT(world_.violations(), IsEmpty());
}

TEST_F(SupervisionTest, OneThatCannotBeLookedAtKeepsNoOtherFromItsTurn) {
  const Workload first{tenant_, ModelName("one"), DeploymentId("a-old")};
  const Workload second{tenant_, ModelName("one"), DeploymentId("b-old")};
  world_.StartStray(first);
  world_.StartStray(second);
  ASSERT_TRUE(reconciler_.Tick().ok());
  bench_.clock.Advance(Millis{11'000});
  world_.Fail("stop_container", Error(ErrorCode::kUnavailable, "it outlives SIGKILL"));

  EXPECT_FALSE(reconciler_.Tick().ok());
  EXPECT_NE(world_.Runs(first), world_.Runs(second));
  EXPECT_TRUE(reconciler_.Tick().ok());

  EXPECT_FALSE(world_.Runs(first));
  EXPECT_FALSE(world_.Runs(second));
}

TEST_F(SupervisionTest, RecoversAnActiveModelWithoutAContainer) {
  ASSERT_TRUE(world_.Stop(Of("three")).ok());

  ASSERT_TRUE(reconciler_.Tick().ok());

  EXPECT_EQ(StateOf("three"), State::kRecovering);
  ASSERT_TRUE(bench_.Work());
  EXPECT_TRUE(world_.Runs(Of("three")));
}

TEST_F(SupervisionTest, SweepsWhatAFrozenWorkerMadeAfterTheEnd) {
  const Workload ended = Of("one");
  ASSERT_TRUE(bench_.Ask(tenant_, ModelName("one"), Action::kWithdraw).ok());
  ASSERT_TRUE(bench_.Work());
  ASSERT_TRUE(world_.Create(ended, 1, Millis{1}).ok());
  ASSERT_TRUE(world_.Publish(ended, false).ok());
  world_.StartStray(ended);

  bench_.clock.Advance(Millis{11'000});
  ASSERT_TRUE(reconciler_.Tick().ok());

  for (const std::string& left : world_.Left())
    EXPECT_THAT(left, ::testing::Not(HasSubstr("/one/")));
  world_.ForgetCalls();
  ASSERT_TRUE(reconciler_.Tick().ok());
  EXPECT_THAT(world_.calls(), IsEmpty()) << "once is enough";
}

}  // namespace
}  // namespace outrigger::testing
