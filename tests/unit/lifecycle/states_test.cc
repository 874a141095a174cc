// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "outrigger/lifecycle/lifecycle.h"

namespace outrigger::lifecycle {
namespace {

using ::testing::HasSubstr;
using Verdict = Judgement::Verdict;

TEST(StatesTest, HasExactlyTheArrowsOfTheDesign) {
  std::set<std::pair<std::string_view, std::string_view>> arrows;
  for (const Transition& t : Transitions()) arrows.emplace(Name(t.from), Name(t.to));

  const std::set<std::pair<std::string_view, std::string_view>> expected = {
      {"DRAFT",       "DEPLOYING"  },
      {"DEPLOYING",   "ACTIVE"     },
      {"DEPLOYING",   "DRAFT"      },
      {"DEPLOYING",   "WITHDRAWING"},
      {"ACTIVE",      "RECOVERING" },
      {"RECOVERING",  "ACTIVE"     },
      {"RESUMING",    "WITHDRAWING"},
      {"RECOVERING",  "WITHDRAWING"},
      {"ACTIVE",      "HALTING"    },
      {"RECOVERING",  "HALTING"    },
      {"HALTING",     "HALTED"     },
      {"HALTING",     "ACTIVE"     },
      {"HALTED",      "RESUMING"   },
      {"RESUMING",    "ACTIVE"     },
      {"RESUMING",    "HALTED"     },
      {"ACTIVE",      "WITHDRAWING"},
      {"HALTED",      "WITHDRAWING"},
      {"WITHDRAWING", "DRAFT"      },
      {"DRAFT",       "REMOVING"   }
  };
  EXPECT_EQ(arrows, expected);
}

TEST(StatesTest, ReadsEveryNameBack) {
  for (int i = 0; i <= static_cast<int>(State::kRemoving); ++i) {
    const auto state = static_cast<State>(i);
    EXPECT_EQ(StateFrom(Name(state)), state);
  }
  for (int i = 0; i <= static_cast<int>(Action::kRecover); ++i) {
    const auto action = static_cast<Action>(i);
    EXPECT_EQ(ActionFrom(Name(action)), action);
  }
  EXPECT_EQ(StateFrom("draft"), std::nullopt);
  EXPECT_EQ(ActionFrom(""), std::nullopt);
}

TEST(StatesTest, NamesWhatIsLegalForUsersOnly) {
  EXPECT_EQ(LegalRequests(State::kDraft), "deploy, remove");
  EXPECT_EQ(LegalRequests(State::kActive), "halt, withdraw");
  EXPECT_EQ(LegalRequests(State::kDeploying), "deploy, withdraw");
  EXPECT_EQ(LegalRequests(State::kWithdrawing), "withdraw");
}

TEST(JudgeTest, StartsWhatIsLegalAndAnswersWhatRuns) {
  EXPECT_EQ(Judge(State::kDraft, Action::kDeploy).verdict, Verdict::kStart);
  EXPECT_EQ(Judge(State::kDeploying, Action::kDeploy).verdict, Verdict::kSame);
  EXPECT_EQ(Judge(State::kActive, Action::kDeploy).verdict, Verdict::kConflict);
}

TEST(JudgeTest, LetsAWithdrawTakeThePlaceOfDeployRecoverAndResumeOnly) {
  for (const State state : {State::kDeploying, State::kRecovering, State::kResuming})
    EXPECT_EQ(Judge(state, Action::kWithdraw).verdict, Verdict::kSupersede) << Name(state);
  EXPECT_EQ(Judge(State::kActive, Action::kWithdraw).verdict, Verdict::kStart);
  EXPECT_EQ(Judge(State::kHalting, Action::kWithdraw).verdict, Verdict::kConflict);
}

TEST(JudgeTest, TellsWhatThisVersionCannotDoFromWhatIsIllegal) {
  EXPECT_EQ(Judge(State::kActive, Action::kHalt).verdict, Verdict::kNotBuilt);
  EXPECT_EQ(Judge(State::kDraft, Action::kHalt).verdict, Verdict::kConflict);
  EXPECT_EQ(Refusal(State::kActive, Action::kHalt).hint(), Lifecycle::kNotBuilt);
  EXPECT_THAT(Refusal(State::kDraft, Action::kHalt).message(), HasSubstr("DRAFT"));
}

}  // namespace
}  // namespace outrigger::lifecycle
