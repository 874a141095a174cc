// SPDX-License-Identifier: Apache-2.0
// Every cause has exactly one end, whoever dies when.
#include <signal.h>
#include <sys/wait.h>

#include <random>
#include <set>

#include "companion_fixture.h"
#include "outrigger/base/clock.h"

namespace outrigger::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::IsEmpty;

http::Response Doubled(const json& request) {
  return FakeModel::EachRow(request, [](const std::string&, const json& row) {
    return json{
        {"score", row["x"].get<double>() * 2},
        {"level", "NORMAL"                  }
    };
  });
}

class ExactlyOnceTest : public CompanionTest {
 protected:
  // Every (asset, time) of `sent` once, with its right value.
  void ExpectAllOnce(const Deployment& deployment,
                     const std::map<std::pair<std::string, std::int64_t>, double>& sent) {
    EXPECT_TRUE(Eventually([&] { return Out(deployment).size() >= sent.size(); }, seconds(60)));
    std::map<std::pair<std::string, std::int64_t>, int> seen;
    for (const auto& row : Out(deployment)) {
      ++seen[{row.asset, row.time}];
      const auto wanted = sent.find({row.asset, row.time});
      ASSERT_NE(wanted, sent.end()) << row.asset << row.time;
      EXPECT_EQ(row.values["score"], wanted->second * 2);
    }
    std::size_t twice = 0;
    for (const auto& [key, count] : seen) twice += count != 1;
    EXPECT_EQ(twice, 0U);
    EXPECT_EQ(seen.size(), sent.size());
    EXPECT_THAT(Dead(deployment), IsEmpty());
  }
};

TEST_F(ExactlyOnceTest, SamplesBecomeOutputsWithTheirHeaders) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();

  Feed(deployment, "a", 1'000,
       {
           {"x", 1.5}
  },
       0);
  FlushFeed();

  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() == 1; }));
  const auto row = Out(deployment).at(0);
  EXPECT_EQ(row.asset, "a");
  EXPECT_EQ(row.time, 1'000);
  EXPECT_EQ(row.values, json({
                            {"score", 3.0     },
                            {"level", "NORMAL"}
  }));
  EXPECT_EQ(messaging::FindHeader(row.headers, "model"), "m");
  EXPECT_EQ(messaging::FindHeader(row.headers, "modelversion"), "7");
  EXPECT_EQ(messaging::FindHeader(row.headers, "modeldigest"), "sha256:ab");
  EXPECT_EQ(messaging::FindHeader(row.headers, "causes"), "0:0-0");
  EXPECT_EQ(messaging::FindHeader(row.headers, "ce_id"), deployment.id + "/0:0-0/a");
  const auto status = AwaitStatus(deployment, [](const json& s) { return s["outputs"] == 1; });
  EXPECT_EQ(status["phase"], "running");
  EXPECT_EQ(status["health"]["status"], "HEALTHY");
  EXPECT_EQ(status["stateRevision"], 2);
  EXPECT_EQ(Journal(deployment.id + "/progress/0")->at("next"), 1);
  for (const auto& record : ReadTopic("journal." + tenant_, 1)) {
    EXPECT_EQ(messaging::FindHeader(record.headers, "ce_id"), record.key);
    EXPECT_EQ(messaging::FindHeader(record.headers, "ce_type"), "dev.outrigger.journal.v1");
  }
  EXPECT_THAT(Metrics(), ::testing::HasSubstr("outrigger_companion_rows_total{deployment=\"" +
                                              deployment.id + "\",model=\"m\""));
}

TEST_F(ExactlyOnceTest, WhileItIsKilledAgainAndAgain) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m", {}, 2);
  State(deployment, "run", model.url());
  StartCompanion();
  std::map<std::pair<std::string, std::int64_t>, double> sent;
  std::mt19937 random(3);

  std::int64_t source = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string asset = "arm-" + std::to_string(random() % 7);
      const double value = round + i / 1000.0;
      sent[{asset, source}] = value;
      Feed(deployment, asset, source,
           {
               {"x", value}
      },
           source);
      ++source;
    }
    FlushFeed();
    SleepFor(Millis(300 + random() % 2'500));  // a random moment of its start or its work
    KillCompanion();
    StartCompanion();
  }

  ExpectAllOnce(deployment, sent);
}

TEST_F(ExactlyOnceTest, WhenAnOpenTransactionHidesWhatItCommittedBefore) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  AwaitStatus(deployment, [](const json& s) { return s["phase"] == "running"; });
  std::map<std::pair<std::string, std::int64_t>, double> sent;
  const auto feed = [&](int source) {
    sent[{"a", source}] = source;
    Feed(deployment, "a", source,
         {
             {"x", source}
    },
         source);
    FlushFeed();
  };
  // As the relay does, or the companion of another slot.
  auto other =
      *messaging::TransactionalProducer::Make(broker_->Options(), "other-" + tenant_, seconds(30));
  const std::string journal = "journal." + tenant_;
  const auto mark = [&] { return admin_->HighWatermarks(journal, seconds(10))->at(0); };
  const auto stable = [&] { return admin_->EndOffsets(journal, seconds(10))->at(0); };
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(other->Send({journal, 0, "nobody/status", std::nullopt, {}}).ok());
  ASSERT_TRUE(Eventually([&] { return mark() > stable(); }));
  for (int i = 0; i < 5; ++i) feed(i);
  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() == 5; }));
  KillCompanion();
  StartCompanion();
  SleepFor(Millis(2'000));  // long enough to read what can be seen, and to score it again

  (void)other->Abort(seconds(10));
  feed(5);

  ExpectAllOnce(deployment, sent);
}

TEST_F(ExactlyOnceTest, WhatThePusherWroteTwiceIsScoredOnce) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  std::map<std::pair<std::string, std::int64_t>, double> sent;

  for (const int source : {0, 1, 2, 3, 1, 2, 3, 4, 5, 4, 5, 6}) {
    sent[{"a", source}] = source;
    Feed(deployment, "a", source,
         {
             {"x", source}
    },
         source);
  }
  FlushFeed();
  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() >= 7; }));
  KillCompanion();
  StartCompanion();
  for (const int source : {5, 6, 7}) {
    sent[{"a", source}] = source;
    Feed(deployment, "a", source,
         {
             {"x", source}
    },
         source);
  }
  FlushFeed();

  ExpectAllOnce(deployment, sent);
}

TEST_F(ExactlyOnceTest, WhileTheModelIsKilledAgainAndAgain) {
  auto model = std::make_unique<FakeModel>(Doubled);
  const auto port = model->port();
  const auto deployment = Deploy("m");
  State(deployment, "run", model->url());
  StartCompanion();
  std::map<std::pair<std::string, std::int64_t>, double> sent;

  std::int64_t source = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 100; ++i, ++source) {
      sent[{"a", source}] = static_cast<double>(source);
      Feed(deployment, "a", source,
           {
               {"x", source}
      },
           source);
    }
    FlushFeed();
    model.reset();
    SleepFor(Millis(1'500));  // longer than all tries together would take
    model = std::make_unique<FakeModel>(Doubled, port);
  }

  ExpectAllOnce(deployment, sent);
}

TEST_F(ExactlyOnceTest, AfterItWasFrozenLongerThanATransactionMayLast) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  std::map<std::pair<std::string, std::int64_t>, double> sent;
  std::int64_t source = 0;
  const auto feed = [&](int count) {
    for (int i = 0; i < count; ++i, ++source) {
      sent[{"a", source}] = static_cast<double>(source);
      Feed(deployment, "a", source,
           {
               {"x", source}
      },
           source);
    }
    FlushFeed();
  };

  feed(100);
  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() > 20; }));
  feed(400);
  kill(companion_pid(), SIGSTOP);
  feed(100);
  SleepFor(Millis(13'000));  // transaction.timeout.ms is 10 s
  kill(companion_pid(), SIGCONT);
  feed(100);

  ExpectAllOnce(deployment, sent);
}

TEST_F(ExactlyOnceTest, TheFrozenOneEndsWhenAnotherHasTakenItsSlot) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  std::map<std::pair<std::string, std::int64_t>, double> sent;
  std::int64_t source = 0;
  const auto feed = [&](int count) {
    for (int i = 0; i < count; ++i, ++source) {
      sent[{"a", source}] = static_cast<double>(source);
      Feed(deployment, "a", source,
           {
               {"x", source}
      },
           source);
    }
    FlushFeed();
  };
  feed(100);
  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() > 20; }));

  const pid_t frozen = companion_pid();
  kill(frozen, SIGSTOP);
  StartCompanion();
  feed(100);
  ExpectAllOnce(deployment, sent);
  kill(frozen, SIGCONT);
  feed(50);

  int status = 0;
  EXPECT_TRUE(Eventually([&] { return waitpid(frozen, &status, WNOHANG) == frozen; }));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << status;
  ExpectAllOnce(deployment, sent);
}

TEST_F(ExactlyOnceTest, RowsOfSeveralInputsAreRebuiltAfterAKill) {
  FakeModel model([](const json& request) {
    return FakeModel::EachRow(request, [](const std::string&, const json& row) {
      return json{
          {"score", row["x"].get<double>() * 1'000 + row["y"].get<double>()},
          {"level", "A"                                                    }
      };
    });
  });
  const auto deployment =
      Deploy("m", {
                      {"inputs", {{{"dataColumnName", "x"}}, {{"dataColumnName", "y"}}}}
  });
  State(deployment, "run", model.url());
  StartCompanion();
  std::map<std::int64_t, double> expected;
  double x = 0, y = -1;
  std::mt19937 random(5);

  std::int64_t source = 0;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 50; ++i, ++source) {
      const bool is_x = random() % 2 == 0;
      (is_x ? x : y) = static_cast<double>(source);
      if (y >= 0 && x > 0) expected[source] = x * 1'000 + y;
      Feed(deployment, "a", source,
           {
               {is_x ? "x" : "y", source}
      },
           source);
    }
    FlushFeed();
    SleepFor(Millis(500 + random() % 1'500));
    KillCompanion();
    StartCompanion();
  }

  EXPECT_TRUE(Eventually([&] { return Out(deployment).size() >= expected.size(); }));
  const auto rows = Out(deployment);
  EXPECT_EQ(rows.size(), expected.size());
  for (const auto& row : rows) EXPECT_EQ(row.values["score"], expected.at(row.time)) << row.time;
}

TEST_F(ExactlyOnceTest, HaltAndRunGoOnWhereTheyStopped) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  std::map<std::pair<std::string, std::int64_t>, double> sent;
  std::int64_t source = 0;
  const auto feed = [&](int count) {
    for (int i = 0; i < count; ++i, ++source) {
      sent[{"a", source}] = static_cast<double>(source);
      Feed(deployment, "a", source,
           {
               {"x", source}
      },
           source);
    }
    FlushFeed();
  };

  for (int round = 0; round < 3; ++round) {
    feed(200);
    State(deployment, "drain", model.url());
    AwaitStatus(deployment, [&](const json& s) {
      return s["phase"] == "drained" && s["stateRevision"] == revision_;
    });
    const auto before = Out(deployment).size();
    feed(20);
    SleepFor(Millis(300));
    EXPECT_EQ(Out(deployment).size(), before);
    State(deployment, "run", model.url());
  }

  ExpectAllOnce(deployment, sent);
}

TEST_F(ExactlyOnceTest, StopCountsWhatIsUnscoredAndLeavesNothingButItsStatus) {
  FakeModel model(Doubled);
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  for (int i = 0; i < 10; ++i)
    Feed(deployment, "a", i,
         {
             {"x", i}
    },
         i);
  FlushFeed();
  ASSERT_TRUE(Eventually([&] { return Out(deployment).size() == 10; }));
  model.healthy = false;
  AwaitStatus(deployment, [](const json& s) { return s["health"]["status"] == "UNHEALTHY"; });
  for (int i = 10; i < 17; ++i)
    Feed(deployment, "a", i,
         {
             {"x", i}
    },
         i);
  FlushFeed();

  State(deployment, "stop", model.url());
  const auto status =
      AwaitStatus(deployment, [](const json& s) { return s["phase"] == "stopped"; });

  EXPECT_EQ(status["unscored"], 7);
  EXPECT_EQ(status["stateRevision"], revision_);
  EXPECT_FALSE(Journal(deployment.id + "/progress/0"));
  KillCompanion();
  StartCompanion();
  AwaitStatus(deployment,
              [&](const json& s) { return s["phase"] == "stopped" && s["unscored"] == 7; });
  EXPECT_EQ(Out(deployment).size(), 10U);
  Control(deployment.id + "/spec", std::nullopt);
  Control(deployment.id + "/state", std::nullopt);
  EXPECT_TRUE(Eventually([&] { return Metrics().find(deployment.id) == std::string::npos; }));
}

TEST_F(ExactlyOnceTest, ATermSignalEndsItWithinTenSecondsAndLosesNothing) {
  FakeModel model([](const json& request) {
    SleepFor(Millis(200));
    return Doubled(request);
  });
  const auto deployment = Deploy("m");
  State(deployment, "run", model.url());
  StartCompanion();
  std::map<std::pair<std::string, std::int64_t>, double> sent;
  for (int i = 0; i < 300; ++i) {
    sent[{"a" + std::to_string(i % 3), i}] = i;
    Feed(deployment, "a" + std::to_string(i % 3), i,
         {
             {"x", i}
    },
         i);
  }
  FlushFeed();
  ASSERT_TRUE(Eventually([&] { return model.requests > 0; }));

  const auto begin = SystemClock().Now();
  EXPECT_EQ(StopCompanion(), 0);

  EXPECT_LT(SystemClock().Now() - begin, seconds(10));
  StartCompanion();
  ExpectAllOnce(deployment, sent);
}

}  // namespace
}  // namespace outrigger::testing
