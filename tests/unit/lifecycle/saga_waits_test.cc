// SPDX-License-Identifier: Apache-2.0
// What a saga does while others, or we, are gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "one_model.h"
#include "outrigger/lifecycle/saga.h"

namespace outrigger::testing {
namespace {

using namespace outrigger::lifecycle;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SagaWaitsTest : public OneModelTest {};

TEST_F(SagaWaitsTest, WaitsWithAReasonWhileKafkaIsGone) {
  world_.SetKafkaGone(true);
  const OperationId operation = Ask(Action::kDeploy);

  ASSERT_FALSE(bench_.Work(2'000));
  const Operation waiting = Read(operation);
  world_.SetKafkaGone(false);
  ASSERT_TRUE(bench_.Work());

  EXPECT_EQ(waiting.status, OperationStatus::kRunning);
  EXPECT_THAT(waiting.steps[5].error, HasSubstr("waits for Kafka"));
  EXPECT_EQ(StateNow(), State::kActive);
}

TEST_F(SagaWaitsTest, DoesNotWaitForKafkaToTakeAWrongRequest) {
  world_.Fail("create_topic", Error(ErrorCode::kInvalidArgument, "no such setting"), 9);
  Ask(Action::kDeploy);
  const SteadyTime began = bench_.clock.Now();

  ASSERT_TRUE(bench_.Work());

  EXPECT_LT(bench_.clock.Now() - began, Millis{5'000});
  EXPECT_EQ(StateNow(), State::kDraft);
}

TEST_F(SagaWaitsTest, CountsNeitherItsOwnDowntimeNorKafkasAgainstAModel) {
  world_.SetHealthy(false);
  Ask(Action::kDeploy);
  ASSERT_FALSE(bench_.Work(40));

  bench_.clock.Advance(Millis{600'000});
  ASSERT_FALSE(bench_.Work(10));
  EXPECT_EQ(StateNow(), State::kDeploying);
  world_.SetKafkaGone(true);
  ASSERT_FALSE(bench_.Work(500));
  EXPECT_EQ(StateNow(), State::kDeploying);

  world_.SetKafkaGone(false);
  world_.SetHealthy(true);
  ASSERT_TRUE(bench_.Work());
  EXPECT_EQ(StateNow(), State::kActive);
}

TEST_F(SagaWaitsTest, GivesACompanionItsTimeToStopAfterOurDowntime) {
  Deploy();
  world_.SetCompanionGone(true);
  Ask(Action::kWithdraw);
  for (int step = 0; step < 50; ++step) {
    ASSERT_FALSE(bench_.Work(2));
    if (std::ranges::contains(world_.calls(), "stop_companion")) break;
  }
  ASSERT_FALSE(bench_.Work(2));

  bench_.clock.Advance(Millis{600'000});
  ASSERT_FALSE(bench_.Work(5));

  EXPECT_FALSE(std::ranges::contains(world_.calls(), "stop_container"));
  ASSERT_TRUE(bench_.Work());
  EXPECT_EQ(StateNow(), State::kDraft);
}

TEST_F(SagaWaitsTest, WithdrawsAroundAContainerThatAFrozenWorkerStartedLate) {
  Deploy();
  const Workload workload = bench_.WorkloadOf(tenant_, model_);
  world_.SetPusherGone(true);
  Ask(Action::kWithdraw);
  ASSERT_FALSE(bench_.Work(100));
  world_.Fail("outputs_taken", Error(ErrorCode::kUnavailable, "not yet"), 1'000);
  world_.SetPusherGone(false);
  ASSERT_FALSE(bench_.Work(200));
  ASSERT_TRUE(std::ranges::contains(world_.calls(), "stop_container"));
  world_.StartStray(workload);
  world_.Fail("outputs_taken", Error(ErrorCode::kUnavailable, ""), 0);

  ASSERT_TRUE(bench_.Work());

  EXPECT_THAT(world_.violations(), IsEmpty());
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(SagaWaitsTest, GoesOnPastAStepThatThrowsAfterThePivot) {
  Deploy();
  world_.Throw("outputs_taken", 3);
  Ask(Action::kWithdraw);

  ASSERT_TRUE(bench_.Work());

  EXPECT_EQ(StateNow(), State::kDraft);
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(SagaWaitsTest, WaitsForAPeerThatIsGoneAsLongAsTheStepMayTake) {
  world_.Fail("create_topic", Error(ErrorCode::kUnavailable, "Kafka is gone"), 1'000);
  const OperationId operation = Ask(Action::kDeploy);
  const SteadyTime began = bench_.clock.Now();

  ASSERT_TRUE(bench_.Work());

  EXPECT_GE(bench_.clock.Now() - began, Millis{60'000});
  EXPECT_EQ(Read(operation).status, OperationStatus::kUndone);
  EXPECT_THAT(world_.Left(), IsEmpty());
}

}  // namespace
}  // namespace outrigger::testing
