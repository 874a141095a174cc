// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "fake_world.h"
#include "in_memory_lifecycle.h"
#include "outrigger/lifecycle/lifecycle.h"

namespace outrigger::testing {
namespace {

using namespace outrigger::lifecycle;
using ::testing::IsEmpty;

class RunnerTest : public ::testing::Test {
 protected:
  RunnerOptions Options(const std::string& owner) const {
    RunnerOptions options;
    options.owner = owner;
    options.workers = 4;
    options.poll = Millis{20};
    options.lease = Millis{2'000};
    return options;
  }
  bool Until(const std::function<bool()>& holds) const {
    const SteadyTime end = SystemClock().Now() + Millis{20'000};
    while (!holds()) {
      if (SystemClock().Now() > end) return false;
      SleepFor(Millis{2});
    }
    return true;
  }
  void Submit(int count) {
    for (int i = 0; i < count; ++i) {
      const ModelName model("m" + std::to_string(i));
      memory_.Submit(tenant_, model);
      ASSERT_TRUE(lifecycle_.Request(tenant_, model, Action::kDeploy, {"test", "", ""}).ok());
    }
  }
  int CountIn(State state) {
    int count = 0;
    const auto watched = memory_.Watched();
    for (const WatchedModel& model : *watched) count += model.state == state;
    return count;
  }

  const TenantId tenant_{"red"};
  InMemoryLifecycle memory_{SystemClock()};
  FakeWorld world_{SystemClock()};
  Platform platform_{memory_, memory_, world_, world_, world_, world_, world_, SystemClock()};
  Lifecycle lifecycle_{memory_, nullptr};
};

TEST_F(RunnerTest, CarriesManySagasOnFewThreads) {
  world_.SetPusherGone(true);  // each will wait in a step
  Submit(200);
  Runner runner(platform_, Options("a"));
  runner.Start();
  ASSERT_TRUE(Until([&] { return runner.Held() == 200; }));

  world_.SetPusherGone(false);

  EXPECT_TRUE(Until([&] { return CountIn(State::kActive) == 200; }));
  EXPECT_THAT(world_.violations(), IsEmpty());
  EXPECT_TRUE(Until([&] { return runner.Held() == 0; }));
}

TEST_F(RunnerTest, OutlivesAStepThatThrowsAndFailsItsSagaOnly) {
  world_.Throw("create_topic");
  Submit(3);
  Runner runner(platform_, Options("a"));

  runner.Start();

  EXPECT_TRUE(Until([&] { return CountIn(State::kActive) == 2 && runner.Held() == 0; }));
  EXPECT_THAT(world_.violations(), IsEmpty());
}

TEST_F(RunnerTest, HandsItsLeasesBackWhenItStops) {
  world_.SetPusherGone(true);
  Submit(5);
  {
    RunnerOptions options = Options("a");
    options.lease = Millis{3'600'000};
    Runner first(platform_, options);
    first.Start();
    ASSERT_TRUE(Until([&] { return first.Held() == 5; }));
  }
  world_.SetPusherGone(false);

  Runner second(platform_, Options("b"));
  second.Start();

  EXPECT_TRUE(Until([&] { return CountIn(State::kActive) == 5; }));
}

TEST_F(RunnerTest, TwoRunnersShareTheWorkAndDoNothingTwice) {
  Submit(60);
  Runner one(platform_, Options("a")), two(platform_, Options("b"));
  one.Start();
  two.Start();

  ASSERT_TRUE(Until([&] { return CountIn(State::kActive) == 60; }));

  int starts = 0;
  for (const std::string& call : world_.calls()) starts += call == "start_container";
  EXPECT_EQ(starts, 60);
}

TEST_F(RunnerTest, TurnsADeployAroundWhenAWithdrawComes) {
  world_.SetHealthy(false);
  Submit(1);
  Runner runner(platform_, Options("a"));
  runner.Start();
  const ModelName model("m0");
  ASSERT_TRUE(Until([&] { return !world_.Left().empty(); }));

  auto withdraw = lifecycle_.Request(tenant_, model, Action::kWithdraw, {"test", "", ""});
  ASSERT_TRUE(withdraw.ok());
  runner.Wake();

  EXPECT_TRUE(
      Until([&] { return memory_.StateHistory(tenant_, model, 1, 0)->at(0).to == State::kDraft; }));
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(RunnerTest, GoesOnFromWhereAnotherRunnersLeaseRanOut) {
  world_.SetPusherGone(true);
  Submit(1);
  ASSERT_EQ(memory_.Claim("dead", 1, Millis{100})->sagas.size(), 1u);
  world_.SetPusherGone(false);

  Runner runner(platform_, Options("b"));
  runner.Start();

  EXPECT_TRUE(Until([&] { return CountIn(State::kActive) == 1; }));
}

}  // namespace
}  // namespace outrigger::testing
