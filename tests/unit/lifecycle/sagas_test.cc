// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "one_model.h"
#include "outrigger/lifecycle/saga.h"

namespace outrigger::testing {
namespace {

using namespace outrigger::lifecycle;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<Progress> Nothing(StepContext&) { return Progress::kDone; }

constexpr SagaStep Step(std::string_view name, StepKind kind, StepFunction undo = kNoUndo,
                        int tries = kForever) {
  return {name, kind, Nothing, undo, Millis{0}, tries};
}

TEST(IsSoundTest, RefusesTablesThatCannotBeUndoneOrFinished) {
  using enum StepKind;
  constexpr SagaStep sound[] = {Step("a", kCompensatable, Nothing, 3), Step("b", kPivot),
                                Step("c", kRetriable)};
  constexpr SagaStep twice[] = {Step("a", kPivot), Step("a", kRetriable)};
  constexpr SagaStep no_pivot[] = {Step("a", kReadOnly, kNoUndo, 1)};
  constexpr SagaStep no_undo[] = {Step("a", kCompensatable, kNoUndo, 1), Step("b", kPivot)};
  constexpr SagaStep undo_too_much[] = {Step("a", kReadOnly, Nothing, 1), Step("b", kPivot)};
  constexpr SagaStep way_back[] = {Step("a", kPivot), Step("b", kCompensatable, Nothing)};
  constexpr SagaStep retriable_first[] = {Step("a", kRetriable), Step("b", kPivot)};
  constexpr SagaStep gives_up[] = {Step("a", kPivot), Step("b", kRetriable, kNoUndo, 3)};

  EXPECT_TRUE(IsSound(sound));
  EXPECT_FALSE(IsSound(twice));
  EXPECT_FALSE(IsSound(no_pivot));
  EXPECT_FALSE(IsSound(no_undo));
  EXPECT_FALSE(IsSound(undo_too_much));
  EXPECT_FALSE(IsSound(way_back));
  EXPECT_FALSE(IsSound(retriable_first));
  EXPECT_FALSE(IsSound(gives_up));
}

class SagasTest : public OneModelTest {
 protected:
  StateChange LastChange() { return bench_.lifecycle.StateHistory(tenant_, model_, 1)->at(0); }
};

TEST_F(SagasTest, DeploysInTheOrderThatLosesNothing) {
  const OperationId operation = Ask(Action::kDeploy);

  ASSERT_TRUE(bench_.Work());

  EXPECT_THAT(world_.calls(), ElementsAre("check", "resolve", "create_namespace", "create_topic",
                                          "start_companion", "start_container", "pause_companion",
                                          "open_route", "applied", "announce", "run_companion"));
  EXPECT_EQ(StateNow(), State::kActive);
  EXPECT_EQ(LastChange().reason, "Deployed");
  const Operation read = Read(operation);
  EXPECT_EQ(read.status, OperationStatus::kDone);
  for (const StepRecord& step : read.steps) {
    EXPECT_EQ(step.status, StepStatus::kDone) << step.name;
    EXPECT_EQ(step.tries, 1) << step.name;
  }
}

TEST_F(SagasTest, WithdrawsInTheOrderThatLosesNothing) {
  Deploy();

  Ask(Action::kWithdraw);
  ASSERT_TRUE(bench_.Work());

  EXPECT_THAT(world_.calls(), ElementsAre("close_route", "applied", "stop_companion",
                                          "stop_container", "outputs_taken", "remove_routes",
                                          "delete_topic", "stop_container", "delete_namespace"));
  EXPECT_EQ(StateNow(), State::kDraft);
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(SagasTest, UndoesBottomToTopWhenTheContainerCannotStart) {
  world_.Fail("start_container", Error(ErrorCode::kInvalidArgument, "cannot be executed"), 9);
  const OperationId operation = Ask(Action::kDeploy);

  ASSERT_TRUE(bench_.Work());

  EXPECT_THAT(world_.calls(),
              ElementsAre("check", "resolve", "create_namespace", "create_topic", "start_companion",
                          "start_container", "stop_container", "stop_companion", "remove_routes",
                          "delete_topic", "stop_container", "delete_namespace"));
  const Operation read = Read(operation);
  EXPECT_EQ(read.status, OperationStatus::kUndone);
  EXPECT_THAT(read.error, HasSubstr("start_model: cannot be executed"));
  EXPECT_EQ(read.steps[7].status, StepStatus::kFailed);
  EXPECT_THAT(read.steps[7].error, HasSubstr("cannot be executed"));
  EXPECT_EQ(read.steps[6].status, StepStatus::kUndone);
  EXPECT_EQ(read.steps[8].status, StepStatus::kPending);
  EXPECT_EQ(StateNow(), State::kDraft);
  EXPECT_EQ(LastChange().reason, "DeployFailed");
  EXPECT_THAT(LastChange().message, HasSubstr("cannot be executed"));
}

TEST_F(SagasTest, TriesAgainWhatMayPass) {
  world_.Fail("create_namespace", Error(ErrorCode::kUnavailable, "the engine is gone"), 3);
  const OperationId operation = Ask(Action::kDeploy);

  ASSERT_TRUE(bench_.Work());

  EXPECT_EQ(StateNow(), State::kActive);
  EXPECT_EQ(Read(operation).steps[4].tries, 4);
}

TEST_F(SagasTest, FailsAtOnceWithItsLastWordsWhenTheContainerExits) {
  world_.SetHealthy(false);
  const OperationId operation = Ask(Action::kDeploy);
  ASSERT_FALSE(bench_.Work(40));
  const SteadyTime began = bench_.clock.Now();
  world_.Exit(bench_.WorkloadOf(tenant_, model_), "exit code 3");

  ASSERT_TRUE(bench_.Work());

  EXPECT_LT(bench_.clock.Now() - began, Millis{1'000});
  EXPECT_THAT(Read(operation).error, HasSubstr("exit code 3"));
  EXPECT_THAT(Read(operation).error, HasSubstr("out of luck"));
  EXPECT_EQ(StateNow(), State::kDraft);
}

TEST_F(SagasTest, GivesAModelItsStartTimeoutAndNoMore) {
  world_.SetHealthy(false);
  const OperationId operation = Ask(Action::kDeploy);

  ASSERT_TRUE(bench_.Work());

  EXPECT_THAT(Read(operation).error, HasSubstr("model.health.startTimeout"));
  EXPECT_THAT(Read(operation).error, HasSubstr("503 from /health"));
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(SagasTest, ShowsWhatItWaitsFor) {
  Deploy();
  world_.SetPusherGone(true);
  const OperationId operation = Ask(Action::kWithdraw);

  ASSERT_FALSE(bench_.Work(200));
  const Operation waiting = Read(operation);
  world_.SetPusherGone(false);
  ASSERT_TRUE(bench_.Work());

  EXPECT_EQ(waiting.steps[1].status, StepStatus::kRunning);
  EXPECT_THAT(waiting.steps[1].error, HasSubstr("data_pusher"));
  EXPECT_EQ(Read(operation).steps[1].error, "");
  EXPECT_EQ(StateNow(), State::kDraft);
}

TEST_F(SagasTest, OpensTheRouteNoMoreThanOnceWhileItWaits) {
  world_.SetPusherGone(true);
  Ask(Action::kDeploy);
  ASSERT_FALSE(bench_.Work(100));

  int opened = 0;
  for (const std::string& call : world_.calls()) opened += call == "open_route";
  EXPECT_EQ(opened, 1);
}

TEST_F(SagasTest, WithdrawsPastACompanionThatIsGone) {
  Deploy();
  world_.SetCompanionGone(true);
  const SteadyTime began = bench_.clock.Now();

  Ask(Action::kWithdraw);
  ASSERT_TRUE(bench_.Work());

  EXPECT_LE(bench_.clock.Now() - began, Millis{20'000});
  EXPECT_EQ(StateNow(), State::kDraft);
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(SagasTest, SaysHowManyRowsStayUnscored) {
  Deploy();
  CompanionStatus status;
  status.phase = CompanionPhase::kStopped;
  status.unscored = 12;
  world_.Say(bench_.WorkloadOf(tenant_, model_), status);

  Ask(Action::kWithdraw);
  ASSERT_TRUE(bench_.Work());

  EXPECT_THAT(LastChange().message, HasSubstr("12 rows"));
}

TEST_F(SagasTest, KeepsTryingAfterThePivot) {
  Deploy();
  world_.Fail("delete_topic", Error(ErrorCode::kInternal, "a bug"), 50);

  Ask(Action::kWithdraw);
  ASSERT_TRUE(bench_.Work());

  EXPECT_EQ(StateNow(), State::kDraft);
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(SagasTest, RecoversWithANewContainer) {
  Deploy();
  world_.Exit(bench_.WorkloadOf(tenant_, model_), "killed by signal 9");

  Ask(Action::kRecover);
  ASSERT_TRUE(bench_.Work());

  EXPECT_THAT(world_.calls(), ElementsAre("stop_container", "start_container", "run_companion"));
  EXPECT_EQ(StateNow(), State::kActive);
  EXPECT_EQ(LastChange().reason, "Recovered");
  EXPECT_TRUE(world_.Runs(bench_.WorkloadOf(tenant_, model_)));
}

TEST_F(SagasTest, RecoversAgainAndAgainWithGrowingPauses) {
  Deploy();
  world_.SetHealthy(false);
  const OperationId operation = Ask(Action::kRecover);

  ASSERT_FALSE(bench_.Work(2'000));
  const int tries = bench_.backend->watch().Watched()->at(0).tries;
  world_.SetHealthy(true);
  ASSERT_TRUE(bench_.Work(5'000));

  EXPECT_GT(tries, 2);
  EXPECT_EQ(Read(operation).status, OperationStatus::kDone);
  EXPECT_EQ(StateNow(), State::kActive);
}

TEST_F(SagasTest, AWithdrawEndsARecoveryThatGoesOnInVain) {
  Deploy();
  world_.SetHealthy(false);
  const OperationId recover = Ask(Action::kRecover);
  ASSERT_FALSE(bench_.Work(1'000));

  Ask(Action::kWithdraw);
  ASSERT_TRUE(bench_.Work());

  EXPECT_EQ(Read(recover).status, OperationStatus::kUndone);
  EXPECT_EQ(StateNow(), State::kDraft);
  EXPECT_THAT(world_.Left(), IsEmpty());
}

TEST_F(SagasTest, TakesAnOldHealthyWordForNothingAfterARestart) {
  Deploy();
  const Workload workload = bench_.WorkloadOf(tenant_, model_);
  CompanionStatus stale = *world_.Status(workload);
  bench_.clock.Advance(Millis{1'000});
  world_.Say(workload, stale);

  Ask(Action::kRecover);
  EXPECT_FALSE(bench_.Work(100));

  EXPECT_EQ(StateNow(), State::kRecovering);
}

TEST(PlanTest, ReadsBackWhatItWrote) {
  DeploymentPlan plan;
  plan.start.image = {"a/b", "1", "sha256:2"};
  plan.start.env = {
      {"K", "v\"\n"}
  };
  plan.start.cpu_millis = 250;
  plan.start.memory_bytes = 1;
  plan.endpoint = "http://x";
  plan.started_at = 5;
  plan.generation = 6;
  plan.partitions = 3;
  plan.feed_retention = Millis{7};
  plan.health_interval = Millis{8};
  plan.health_failures = 9;
  plan.start_timeout = Millis{10};
  plan.tries = 11;
  plan.quiet = Millis{12};

  auto back = PlanFromJson(ToJson(plan));

  ASSERT_TRUE(back.ok());
  EXPECT_EQ(ToJson(*back), ToJson(plan));
  EXPECT_EQ(back->quiet, Millis{12});
  EXPECT_FALSE(PlanFromJson("[").ok());
  EXPECT_FALSE(PlanFromJson("{\"tries\": \"x\"}").ok());
  EXPECT_TRUE(PlanFromJson("{}").ok());
}

}  // namespace
}  // namespace outrigger::testing
