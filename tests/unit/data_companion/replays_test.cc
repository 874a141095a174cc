// SPDX-License-Identifier: Apache-2.0
#include "data_companion/replays.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace outrigger::companion {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

class ReplaysTest : public ::testing::Test {
 protected:
  ReplaysTest() {
    spec_.deployment = DeploymentId("d");
    spec_.inputs = {
        {"x",    false},
        {"more", false}
    };
  }

  static Replays::Wanted Want(const std::string& name, std::int64_t revision,
                              const json& control = {}) {
    return {name, revision, std::make_shared<const std::string>(control.dump())};
  }
  // Control's word of a dead letter whose row was written with today's inputs.
  json Control(const std::string& deployment) const {
    PendingRow row;
    row.row = {
        EventTime{5},
        {1.5, scoring::Value{}},
        17, {}
    };
    row.trace = messaging::TraceContext::Read(kTrace);
    return {
        {"id", "d/feed:0:17"},
        {"row", DeadRowText("arm", row, spec_.inputs)},
        {"record", "as it came"},
        {"deployment", deployment},
        {"source", "feed:0:17"}
    };
  }

  DeploymentSpec spec_;
};

TEST_F(ReplaysTest, AreTakenInControlsOrderAndOnlySoManyAtATime) {
  Replays replays(2);
  for (const std::int64_t revision : {7, 3, 5})
    replays.Put(Want("r" + std::to_string(revision), revision));

  EXPECT_EQ(replays.Take()->name, "r3");
  EXPECT_EQ(replays.Take()->name, "r5");
  EXPECT_FALSE(replays.Take());
  replays.End("r3");
  EXPECT_EQ(replays.Take()->name, "r7");
}

TEST_F(ReplaysTest, OneThatIsKnownIsNotTakenAgain) {
  Replays replays(8);
  replays.Restore("ended before");
  replays.Put(Want("ended before", 1));
  replays.Put(Want("waits", 2));
  replays.Put(Want("waits", 3));

  EXPECT_EQ(replays.Take()->name, "waits");
  replays.Put(Want("waits", 4));
  EXPECT_FALSE(replays.Take());
  replays.End("waits");
  replays.Put(Want("waits", 5));
  EXPECT_FALSE(replays.Take());
}

TEST_F(ReplaysTest, AnEndIsKeptAsLongAsControlSpeaksOfIt) {
  Replays replays(8);
  replays.Restore("gone");
  replays.Restore("there");
  replays.Put(Want("there", 1));

  EXPECT_THAT(replays.TakeStale(), ElementsAre("gone"));
  EXPECT_TRUE(replays.Drop("there"));
  EXPECT_FALSE(replays.Drop("there"));
}

TEST_F(ReplaysTest, ARowComesBackAsItWas) {
  const auto read = ReadReplay(Want("n", 9, Control("d")), spec_);

  ASSERT_TRUE(read.ok() && read->fault.empty());
  EXPECT_EQ(read->subject, "arm");
  EXPECT_EQ(read->row.row.seq, 17);
  EXPECT_EQ(read->row.row.time.ms, 5);
  EXPECT_THAT(read->row.row.values, ElementsAre(scoring::Value{1.5}, scoring::Value{}));
  EXPECT_EQ(read->row.record, "as it came");
  EXPECT_EQ(read->row.replay->letter, "d/feed:0:17");
  EXPECT_EQ(read->row.company, 1U);
  EXPECT_EQ(read->row.trace.Text(), kTrace);
}

TEST_F(ReplaysTest, ARowOfAnotherFeedHasANumberBelowAllOfThisOne) {
  const auto first = ReadReplay(Want("n", 9, Control("earlier")), spec_);
  const auto second = ReadReplay(Want("m", 10, Control("earlier")), spec_);

  EXPECT_LT(first->row.row.seq, 0);
  EXPECT_LT(first->row.row.seq, second->row.row.seq);
  EXPECT_LT(second->row.row.seq, 0);
}

TEST_F(ReplaysTest, ARowThatTheModelOfTodayCannotTakeSaysWhy) {
  const json control = Control("earlier");
  spec_.inputs = {
      {"x", false}
  };
  EXPECT_THAT(ReadReplay(Want("n", 9, control), spec_)->fault, HasSubstr("more"));
  spec_.inputs = {
      {"x",    false},
      {"more", false},
      {"new",  false}
  };
  EXPECT_THAT(ReadReplay(Want("n", 9, control), spec_)->fault, HasSubstr("new"));
}

TEST_F(ReplaysTest, WhatControlSaysIsNotTrusted) {
  for (const char* hostile : {"", "7", "[]", R"({"id": 5})"})
    EXPECT_FALSE(ReadReplay({"n", 1, std::make_shared<const std::string>(hostile)}, spec_).ok())
        << hostile;
  json control = Control("d");
  for (const char* hostile :
       {"", "7", "[]", "{}", R"({"subject": "arm", "seq": 1, "time": 1, "values": 7})",
        R"({"subject": "arm", "seq": 1, "time": 1, "values": {"x": [], "more": 1}})"}) {
    control["row"] = hostile;
    const auto read = ReadReplay(Want("n", 1, control), spec_);
    ASSERT_TRUE(read.ok()) << hostile;
    EXPECT_FALSE(read->fault.empty()) << hostile;
  }
}

}  // namespace
}  // namespace outrigger::companion
