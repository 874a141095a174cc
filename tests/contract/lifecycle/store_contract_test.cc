// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "backends.h"
#include "outrigger/lifecycle/saga.h"

namespace outrigger::testing {
namespace {

using namespace outrigger::lifecycle;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LifecycleStoreContract : public OnBothStores {
 protected:
  SagaRecord ClaimOne(const std::string& owner = "a", Millis lease = Millis{60'000}) {
    auto claimed = bench_->journal.Claim(owner, 1, lease);
    EXPECT_TRUE(claimed.ok() && claimed->sagas.size() == 1);
    return claimed && !claimed->sagas.empty() ? claimed->sagas[0] : SagaRecord{};
  }
  SagaEnd Done() const {
    return {.status = OperationStatus::kDone,
            .trigger = Trigger::kDone,
            .reason = "Done",
            .message = {},
            .error = {},
            .steps = {}};
  }
};

TEST_P(LifecycleStoreContract, CommitsStateHistoryAndOperationTogether) {
  auto operation = Ask(Action::kDeploy);

  ASSERT_TRUE(operation.ok()) << operation.error().ToString();
  EXPECT_EQ(StateNow(), State::kDeploying);
  const Operation read = Read(*operation);
  EXPECT_EQ(read.status, OperationStatus::kRunning);
  EXPECT_EQ(read.model, model_);
  ASSERT_EQ(read.steps.size(), StepNames(Action::kDeploy).size());
  EXPECT_EQ(read.steps[0].name, "check_manifest");
  EXPECT_EQ(read.steps[0].status, StepStatus::kPending);
  auto history = bench_->lifecycle.StateHistory(tenant_, model_, 10);
  ASSERT_TRUE(history.ok());
  ASSERT_EQ(history->size(), 2u);
  EXPECT_EQ((*history)[0].from, State::kDraft);
  EXPECT_EQ((*history)[0].to, State::kDeploying);
  EXPECT_EQ((*history)[0].reason, "DeployRequested");
  EXPECT_EQ((*history)[0].actor, "tester");
  EXPECT_EQ((*history)[0].operation, operation->str());
  EXPECT_EQ((*history)[1].from, std::nullopt);
}

TEST_P(LifecycleStoreContract, AnswersTheSameRequestWithTheRunningOperation) {
  auto first = Ask(Action::kDeploy), second = Ask(Action::kDeploy);

  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  auto history = bench_->lifecycle.StateHistory(tenant_, model_, 10);
  EXPECT_EQ(history->size(), 2u);
}

TEST_P(LifecycleStoreContract, RefusesWhatIsIllegalNamingTheStateAndWhatIsLegal) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());

  auto removed = Ask(Action::kRemove);

  ASSERT_FALSE(removed.ok());
  EXPECT_EQ(removed.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(removed.error().message(), HasSubstr("DEPLOYING"));
  EXPECT_THAT(removed.error().hint(), HasSubstr("withdraw"));
  EXPECT_EQ(StateNow(), State::kDeploying);
}

TEST_P(LifecycleStoreContract, AnswersAnotherTenantAsIfTheModelWereMissing) {
  auto other = bench_->Ask(TenantId("blue"), model_, Action::kDeploy);
  auto missing = bench_->Ask(tenant_, ModelName("nobody"), Action::kDeploy);

  ASSERT_FALSE(other.ok());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(other.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(bench_->lifecycle.StateHistory(TenantId("blue"), model_, 1).ok());
}

TEST_P(LifecycleStoreContract, GivesASagaToOneOwnerUntilItsLeaseRunsOut) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  const SagaRecord held = ClaimOne("a");

  auto other = bench_->journal.Claim("b", 10, Millis{60'000});
  ASSERT_TRUE(bench_->journal.Release({held.ref}).ok());
  const SagaRecord next = ClaimOne("b");

  ASSERT_TRUE(other.ok());
  EXPECT_TRUE(other->sagas.empty());
  EXPECT_GT(next.ref.epoch, held.ref.epoch);
}

TEST_P(LifecycleStoreContract, RefusesEveryWriteOfAFencedOwner) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  const SagaRecord old = ClaimOne("a", Millis{0});
  const SagaRecord now = ClaimOne("b", Millis{60'000});
  ASSERT_EQ(old.ref.id, now.ref.id);
  const auto refused = [](const auto& result) {
    return !result.ok() && result.error().code() == ErrorCode::kConflict;
  };

  EXPECT_TRUE(refused(bench_->journal.Write(old.ref, {})));
  EXPECT_TRUE(refused(bench_->journal.End(old.ref, Done())));
  EXPECT_TRUE(refused(bench_->backend->records().Take(old.ref, {})));
  EXPECT_TRUE(refused(bench_->backend->records().SavePlan(old.ref, {})));
  EXPECT_TRUE(refused(bench_->backend->records().Explode(old.ref)));
  EXPECT_TRUE(refused(bench_->backend->records().Implode(old.ref)));
  EXPECT_TRUE(refused(bench_->backend->records().CountTry(old.ref, 1)));
  auto renewed = bench_->journal.Renew({old.ref, now.ref}, Millis{60'000});
  ASSERT_TRUE(renewed.ok());
  EXPECT_THAT(*renewed, ElementsAre(now.ref.id));
  EXPECT_EQ(StateNow(), State::kDeploying);
}

TEST_P(LifecycleStoreContract, HandsOverWhereTheJournalStands) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  const SagaRecord first = ClaimOne("a", Millis{0});
  DeploymentPlan plan;
  plan.start.image = {"detector", "latest", "sha256:1"};
  plan.start.env = {
      {"A", "1"}
  };
  plan.endpoint = "http://127.0.0.1:1";
  ASSERT_TRUE(bench_->backend->records().SavePlan(first.ref, plan).ok());
  auto deployment = bench_->backend->records().Take(first.ref, plan);
  ASSERT_TRUE(deployment.ok());
  JournalEntry entry{
      .cursor = 3, .direction = Direction::kUndo, .round = 2, .error = "why", .steps = {}};
  entry.steps.push_back({3, "resolve_image", StepStatus::kRunning, 2, "gone\0 \xff"});
  ASSERT_TRUE(bench_->journal.Write(first.ref, entry).ok());
  ASSERT_TRUE(bench_->journal.Write(first.ref, entry).ok()) << "the same write again";

  const SagaRecord next = ClaimOne("b");

  EXPECT_EQ(next.cursor, 3);
  EXPECT_EQ(next.direction, Direction::kUndo);
  EXPECT_EQ(next.round, 2);
  EXPECT_EQ(next.error, "why");
  EXPECT_EQ(next.tries, 2);
  EXPECT_EQ(next.deployment, *deployment);
  EXPECT_EQ(next.plan.start.image.digest, "sha256:1");
  EXPECT_EQ(next.plan.start.env.at("A"), "1");
  EXPECT_EQ(next.plan.endpoint, "http://127.0.0.1:1");
}

TEST_P(LifecycleStoreContract, TakesOneDeploymentHoweverOftenAsked) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  const SagaRecord saga = ClaimOne();

  auto one = bench_->backend->records().Take(saga.ref, {});
  auto two = bench_->backend->records().Take(saga.ref, {});

  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(*one, *two);
  EXPECT_TRUE(IsLabel(one->str()));
  EXPECT_EQ(bench_->backend->watch().Living()->size(), 1u);
}

TEST_P(LifecycleStoreContract, ExplodesAMappingByTypeIntoItsAssets) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  const SagaRecord saga = ClaimOne();

  auto count = bench_->backend->records().Explode(saga.ref);
  ASSERT_TRUE(bench_->backend->records().Explode(saga.ref).ok());

  ASSERT_TRUE(count.ok());
  EXPECT_EQ(*count, 3);
  EXPECT_EQ(bench_->backend->Exploded(tenant_, model_), 3);
  ASSERT_TRUE(bench_->backend->records().Implode(saga.ref).ok());
  EXPECT_EQ(bench_->backend->Exploded(tenant_, model_), 0);
}

TEST_P(LifecycleStoreContract, EndsSagaAndStateTogetherAndOnce) {
  auto operation = Ask(Action::kDeploy);
  const SagaRecord saga = ClaimOne();

  ASSERT_TRUE(bench_->journal.End(saga.ref, Done()).ok());
  auto again = bench_->journal.End(saga.ref, Done());

  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(StateNow(), State::kActive);
  EXPECT_EQ(Read(*operation).status, OperationStatus::kDone);
  EXPECT_EQ(bench_->lifecycle.StateHistory(tenant_, model_, 10)->size(), 3u);
}

TEST_P(LifecycleStoreContract, LetsAWithdrawWaitUntilTheDeployItSupersededHasEnded) {
  auto deploy = Ask(Action::kDeploy);
  const SagaRecord saga = ClaimOne("a");
  auto withdraw = Ask(Action::kWithdraw);
  ASSERT_TRUE(withdraw.ok());

  auto meanwhile = bench_->journal.Claim("a", 10, Millis{60'000});
  auto told = bench_->journal.Write(saga.ref, {});
  auto take = bench_->backend->records().Take(saga.ref, {});
  ASSERT_TRUE(bench_->journal.End(saga.ref, Done()).ok());
  const SagaRecord next = ClaimOne("a");

  EXPECT_TRUE(meanwhile->sagas.empty());
  EXPECT_THAT(meanwhile->superseded, ElementsAre(saga.ref.id));
  ASSERT_TRUE(told.ok());
  EXPECT_TRUE(*told);
  EXPECT_FALSE(take.ok());
  EXPECT_EQ(Read(*deploy).status, OperationStatus::kUndone);
  EXPECT_EQ(StateNow(), State::kWithdrawing);
  EXPECT_EQ(next.ref.id, *withdraw);
  EXPECT_EQ(next.kind, Action::kWithdraw);
}

TEST_P(LifecycleStoreContract, ForgetsTheModelWhenItIsRemovedButNotTheOperation) {
  auto operation = Ask(Action::kRemove);
  const SagaRecord saga = ClaimOne();

  ASSERT_TRUE(bench_->journal.End(saga.ref, Done()).ok());

  EXPECT_FALSE(bench_->lifecycle.StateHistory(tenant_, model_, 1).ok());
  EXPECT_EQ(Read(*operation).status, OperationStatus::kDone);
  bench_->backend->Submit(tenant_, model_);
  EXPECT_EQ(bench_->lifecycle.StateHistory(tenant_, model_, 10)->size(), 1u);
}

TEST_P(LifecycleStoreContract, RemovesAModelWithALongHistoryPieceByPiece) {
  const Workload workload{tenant_, model_, DeploymentId()};
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(
        bench_->backend->watch()
            .RecordHealth(workload,
                          {.seq = 0, .status = "HEALTHY", .detail = {}, .latency_ms = 1, .time = 0})
            .ok());
  ASSERT_TRUE(Ask(Action::kRemove).ok());
  const SagaRecord saga = ClaimOne();

  int calls = 1;
  for (auto left = bench_->backend->records().Purge(saga.ref); !left.value_or(true);
       left = bench_->backend->records().Purge(saga.ref))
    ++calls;

  EXPECT_LT(calls, 10);
  EXPECT_TRUE(bench_->lifecycle.HealthHistory(tenant_, model_, 10)->empty());
  EXPECT_TRUE(bench_->backend->records().Purge(saga.ref).value_or(false)) << "idempotent";
  EXPECT_TRUE(bench_->journal.End(saga.ref, Done()).ok());
}

TEST_P(LifecycleStoreContract, PurgesNothingOfAModelThatIsNotBeingRemoved) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  const SagaRecord saga = ClaimOne();

  EXPECT_FALSE(bench_->backend->records().Purge(saga.ref).ok());
}

TEST_P(LifecycleStoreContract, CountsATryOnceARoundAndForgetsThemInDraft) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  ASSERT_TRUE(bench_->Work());
  ASSERT_TRUE(Ask(Action::kRecover).ok());
  const SagaRecord saga = ClaimOne();

  auto one = bench_->backend->records().CountTry(saga.ref, 1);
  auto again = bench_->backend->records().CountTry(saga.ref, 1);
  auto two = bench_->backend->records().CountTry(saga.ref, 2);

  ASSERT_TRUE(one.ok() && again.ok() && two.ok());
  EXPECT_EQ(*one, 1);
  EXPECT_EQ(*again, 1);
  EXPECT_EQ(*two, 2);
  EXPECT_EQ(bench_->backend->watch().Watched()->at(0).tries, 2);
  ASSERT_TRUE(bench_->journal.End(saga.ref, Done()).ok());
  ASSERT_TRUE(bench_->backend->watch().ForgetTries(bench_->WorkloadOf(tenant_, model_)).ok());
  EXPECT_EQ(bench_->backend->watch().Watched()->at(0).tries, 0);
}

TEST_P(LifecycleStoreContract, PagesHistoriesNewestFirst) {
  for (int i = 0; i < 3; ++i) {
    HealthSample sample;
    sample.status = i % 2 ? "UNHEALTHY" : "HEALTHY";
    sample.detail = std::to_string(i);
    ASSERT_TRUE(bench_->backend->watch().RecordHealth({tenant_, model_, {}}, sample).ok());
  }

  auto first = bench_->lifecycle.HealthHistory(tenant_, model_, 2);
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(first->size(), 2u);
  auto rest = bench_->lifecycle.HealthHistory(tenant_, model_, 2, first->back().seq);

  EXPECT_EQ((*first)[0].detail, "2");
  EXPECT_EQ((*first)[1].detail, "1");
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ((*rest)[0].detail, "0");
}

TEST_P(LifecycleStoreContract, ShowsAnEndedDeploymentUntilItIsSwept) {
  ASSERT_TRUE(Ask(Action::kDeploy).ok());
  ASSERT_TRUE(bench_->Work());
  const Workload workload = bench_->WorkloadOf(tenant_, model_);
  auto before = bench_->backend->watch().Unswept(Millis{0}, 10);
  ASSERT_TRUE(Ask(Action::kWithdraw).ok());
  ASSERT_TRUE(bench_->Work());

  auto after = bench_->backend->watch().Unswept(Millis{0}, 10);
  ASSERT_TRUE(bench_->backend->watch().MarkSwept(workload).ok());

  EXPECT_TRUE(before->empty());
  ASSERT_EQ(after->size(), 1u);
  EXPECT_EQ(after->at(0).deployment, workload.deployment);
  EXPECT_TRUE(bench_->backend->watch().Unswept(Millis{0}, 10)->empty());
  EXPECT_TRUE(bench_->backend->watch().Living()->empty());
}

// The rule that many threads meet: as many changes of state as operations, and a chain without
// gaps.
TEST_P(LifecycleStoreContract, KeepsOneChainOfChangesWhenManyPressEveryButton) {
  std::mutex mutex;
  std::set<std::string> deploys, withdraws;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 12; ++i) {
          const Action action = (i + t) % 2 ? Action::kDeploy : Action::kWithdraw;
          auto asked = Ask(action);
          const std::lock_guard lock(mutex);
          if (asked)
            (action == Action::kDeploy ? deploys : withdraws).insert(asked->str());
          else
            EXPECT_EQ(asked.error().code(), ErrorCode::kConflict) << asked.error().ToString();
        }
      });
    threads.emplace_back([&] {
      for (int i = 0; i < 30; ++i) {
        auto claimed = bench_->journal.Claim("w", 1, Millis{60'000});
        if (!claimed || claimed->sagas.empty()) continue;
        (void)bench_->journal.End(claimed->sagas[0].ref, Done());
      }
    });
  }

  auto history = bench_->lifecycle.StateHistory(tenant_, model_, 1'000);
  ASSERT_TRUE(history.ok());
  std::ranges::reverse(*history);
  std::size_t deploying = 0, withdrawing = 0;
  for (std::size_t i = 0; i < history->size(); ++i) {
    if (i > 0) {
      EXPECT_EQ((*history)[i].from, (*history)[i - 1].to);
    }
    deploying += (*history)[i].to == State::kDeploying;
    withdrawing += (*history)[i].to == State::kWithdrawing;
  }
  EXPECT_EQ(deploying, deploys.size());
  EXPECT_EQ(withdrawing, withdraws.size());
}

INSTANTIATE_TEST_SUITE_P(Stores, LifecycleStoreContract, ::testing::ValuesIn(kBackends), NameOf);

}  // namespace
}  // namespace outrigger::testing
