// SPDX-License-Identifier: Apache-2.0
// A worker is killed at every step and at every call to the outside; afterwards the model is at
// rest and nothing is orphaned. The cases come from the step tables: a new step is covered unasked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "backends.h"
#include "outrigger/lifecycle/saga.h"

namespace outrigger::testing {
namespace {

using namespace outrigger::lifecycle;
using ::testing::IsEmpty;
using Point = CrashingJournal::Point;

class CrashTest : public OnBothStores {
 protected:
  // Everything that must hold when nothing runs any more.
  void ExpectSound(const ModelName& model, const std::string& when) {
    SCOPED_TRACE(when);
    EXPECT_THAT(bench_->world.violations(), IsEmpty());
    const State state = bench_->StateOf(tenant_, model);
    std::vector<std::string> left;
    for (const std::string& thing : bench_->world.Left())
      if (thing.find("/" + model.str() + "/") != std::string::npos) left.push_back(thing);
    if (state == State::kActive) {
      const std::string key =
          "red/" + model.str() + "/" + bench_->WorkloadOf(tenant_, model).deployment.str();
      EXPECT_THAT(left, ::testing::UnorderedElementsAre("namespace " + key, "container " + key,
                                                        "topic " + key, "open route " + key,
                                                        "companion " + key));
      EXPECT_EQ(bench_->backend->Exploded(tenant_, model), 3);
    } else {
      EXPECT_TRUE(state == State::kDraft || state == State::kRemoving) << Name(state);
      EXPECT_THAT(left, IsEmpty());
      EXPECT_EQ(bench_->backend->Exploded(tenant_, model), 0);
    }
  }

  // Works until the scripted crash and then, as another process would, to the end.
  void WorkThroughACrash() {
    try {
      EXPECT_TRUE(bench_->Work());
    } catch (const Crash&) {
    }
    bench_->journal.Calm();
    bench_->world.CrashAt(0, false);
    EXPECT_TRUE(bench_->Work());
  }

  ModelName Fresh(Action action) {
    const ModelName model("m" + std::to_string(++models_));
    bench_->backend->Submit(tenant_, model);
    if (action == Action::kWithdraw || action == Action::kRecover) {
      EXPECT_TRUE(bench_->Ask(tenant_, model, Action::kDeploy).ok());
      EXPECT_TRUE(bench_->Work());
    }
    if (action == Action::kRecover)
      bench_->world.Exit(bench_->WorkloadOf(tenant_, model), "killed by signal 9");
    return model;
  }

  void CrashAtEveryStepOf(Action action, State expected) {
    for (const std::string& step : StepNames(action))
      for (const Point point : {Point::kBeforeEffect, Point::kAfterEffect, Point::kAfterJournal}) {
        const ModelName model = Fresh(action);
        ASSERT_TRUE(bench_->Ask(tenant_, model, action).ok());
        bench_->journal.CrashAt(step, point);
        WorkThroughACrash();
        const std::string when = step + " at point " + std::to_string(static_cast<int>(point));
        ExpectSound(model, when);
        EXPECT_EQ(bench_->StateOf(tenant_, model), expected) << when;
      }
  }

  // Kills at each call the saga makes, before and after the call's effect.
  void CrashAtEveryCallOf(Action action, const std::function<void()>& script = [] {}) {
    const ModelName whole = Fresh(action);
    ASSERT_TRUE(bench_->Ask(tenant_, whole, action).ok());
    script();
    bench_->world.ForgetCalls();
    ASSERT_TRUE(bench_->Work());
    const int calls = bench_->world.count();
    ExpectSound(whole, "without a crash");
    for (int call = 1; call <= calls; ++call)
      for (const bool after : {false, true}) {
        const ModelName model = Fresh(action);
        ASSERT_TRUE(bench_->Ask(tenant_, model, action).ok());
        script();
        bench_->world.ForgetCalls();
        bench_->world.CrashAt(call, after);
        WorkThroughACrash();
        ExpectSound(model, (after ? "after call " : "before call ") + std::to_string(call));
      }
  }

  int models_ = 0;
};

TEST_P(CrashTest, ADeployKilledAtEveryStepBecomesActive) {
  CrashAtEveryStepOf(Action::kDeploy, State::kActive);
}

TEST_P(CrashTest, AWithdrawKilledAtEveryStepBecomesDraft) {
  CrashAtEveryStepOf(Action::kWithdraw, State::kDraft);
}

TEST_P(CrashTest, ARecoverKilledAtEveryStepBecomesActive) {
  CrashAtEveryStepOf(Action::kRecover, State::kActive);
}

TEST_P(CrashTest, ARemoveKilledAtEveryStepIsGone) {
  CrashAtEveryStepOf(Action::kRemove, State::kRemoving);
}

TEST_P(CrashTest, ADeployKilledAtEveryCallLeavesNothingBehind) {
  CrashAtEveryCallOf(Action::kDeploy);
}

TEST_P(CrashTest, AWithdrawKilledAtEveryCallLeavesNothingBehind) {
  CrashAtEveryCallOf(Action::kWithdraw);
}

TEST_P(CrashTest, ARecoverKilledAtEveryCallLeavesNothingBehind) {
  CrashAtEveryCallOf(Action::kRecover);
}

TEST_P(CrashTest, ADeployThatIsBeingUndoneAndKilledAtEveryCallLeavesNothingBehind) {
  CrashAtEveryCallOf(Action::kDeploy, [this] {
    bench_->world.Fail("announce", Error(ErrorCode::kInvalidArgument, "no"), 1);
  });
}

TEST_P(CrashTest, AWithdrawAtEveryMomentOfADeployEndsInDraft) {
  // The deploy is walked for n turns, then withdrawn; n grows until the deploy is done before.
  bool done = false;
  for (int turns = 0; !done; ++turns) {
    const ModelName model = Fresh(Action::kDeploy);
    auto deploy = bench_->Ask(tenant_, model, Action::kDeploy);
    ASSERT_TRUE(deploy.ok());
    done = bench_->Work(turns);
    auto withdraw = bench_->Ask(tenant_, model, Action::kWithdraw);
    ASSERT_TRUE(withdraw.ok()) << withdraw.error().ToString();
    EXPECT_EQ(bench_->StateOf(tenant_, model), State::kWithdrawing);

    ASSERT_TRUE(bench_->Work());

    ExpectSound(model, "withdrawn after " + std::to_string(turns) + " turns");
    EXPECT_EQ(bench_->StateOf(tenant_, model), State::kDraft);
    EXPECT_EQ(Read(*deploy).status, done ? OperationStatus::kDone : OperationStatus::kUndone);
    EXPECT_EQ(Read(*withdraw).status, OperationStatus::kDone);
    ASSERT_LT(turns, 200);
  }
}

TEST_P(CrashTest, AWorkerThatSleptThroughItsLeaseChangesNothingMore) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  auto claimed = bench_->journal.Claim("sleeper", 1, Millis{0});
  ASSERT_EQ(claimed->sagas.size(), 1u);
  SagaStepper stepper(bench_->platform);
  HeldSaga sleeper = Hold(claimed->sagas[0], bench_->clock.Now());
  for (int i = 0; i < 4; ++i) ASSERT_EQ(stepper.Advance(sleeper).outcome, TurnOutcome::kGoOn);
  ASSERT_TRUE(bench_->Work());
  ASSERT_EQ(StateNow(), State::kActive);

  Turn turn = stepper.Advance(sleeper);
  for (int i = 0; i < 3 && turn.outcome == TurnOutcome::kGoOn; ++i) turn = stepper.Advance(sleeper);

  EXPECT_EQ(turn.outcome, TurnOutcome::kLost);
  ExpectSound(model_, "after the sleeper woke up");
}

INSTANTIATE_TEST_SUITE_P(Stores, CrashTest, ::testing::ValuesIn(kBackends), NameOf);

}  // namespace
}  // namespace outrigger::testing
