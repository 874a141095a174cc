// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <signal.h>

#include "outrigger/base/ids.h"
#include "pusher_fixture.h"

namespace outrigger::testing {
namespace {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;

constexpr std::int64_t kBase = 1'790'000'000'000;

std::string HeaderOf(const messaging::Record& record, std::string_view name) {
  return std::string(messaging::FindHeader(record.headers, name).value_or("(none)"));
}

class OutputsTest : public PusherTest {
 protected:
  // How often each (asset, time) came back as telemetry of this tenant.
  std::map<std::pair<std::string, std::int64_t>, int> CameBack() const {
    std::map<std::pair<std::string, std::int64_t>, int> count;
    for (const messaging::Record& record : ReadAll("telemetry")) {
      if (HeaderOf(record, "tenant") != tenant_ || HeaderOf(record, "model") == "(none)") continue;
      const json value = json::parse(*record.value);
      ++count[{value.at("asset"), value.at("time")}];
    }
    return count;
  }
  // Whether everything of out.TENANT and dead.TENANT is committed and in tables, markers included.
  bool AllRead() const {
    const auto admin = *messaging::Admin::Make(Kafka().Options());
    const auto committed = admin->CommittedOffsets("outrigger-outputs", "out." + tenant_, 5s);
    if (!committed.ok()) return false;
    for (const std::string& topic : std::vector<std::string>{"out." + tenant_, "dead." + tenant_}) {
      const auto ends = admin->EndOffsets(topic, 5s);
      if (!ends.ok()) return false;
      for (const auto& [partition, end] : *ends) {
        if (end == 0) continue;
        const bool out = topic.starts_with("out.");
        if (out && (!committed->contains(partition) || committed->at(partition) < end))
          return false;
        if (Number("SELECT coalesce(max(next_offset), -1) FROM archive_offset WHERE topic = '" +
                   topic + "' AND partition = " + std::to_string(partition)) < end) {
          return false;
        }
      }
    }
    return true;
  }
};

TEST_F(OutputsTest, BecomeTelemetryAndRowsOnce) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  Output("m", deployment, "x1", kBase, 0.25);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Score").size() == 1; }));
  EXPECT_EQ(History("x1", "Score")[kBase], 0.25);
  ASSERT_TRUE(Until(20s, [&] { return Json("/api/v1/models/m/outputs")["items"].size() == 1; }));
  EXPECT_EQ(Json("/api/v1/models/m/outputs")["items"][0],
            (json{
                {"assetId",    "x1"                        },
                {"time",       kBase                       },
                {"values",     {{"score", 0.25}}           },
                {"version",    "1"                         },
                {"digest",     "sha256:0"                  },
                {"deployment", deployment                  },
                {"window",     nullptr                     },
                {"requestId",  "r-" + std::to_string(kBase)}
  }));
  ASSERT_TRUE(Until(20s, [&] { return AllRead(); })) << "somebody waits for these ends";
}

TEST_F(OutputsTest, BecomeOneSampleEachWhileThePusherIsKilled) {
  DefineAssets({"x1", "x2"});
  const std::string deployment = OpenRoute("m");
  constexpr int kOutputs = 400;
  for (int i = 0; i < kOutputs; ++i) {
    for (const char* asset : {"x1", "x2"}) Output("m", deployment, asset, kBase + i, i);
    Flush();
    if (i % 80 == 40) Pusher().KillAndRestart();
  }

  ASSERT_TRUE(Until(90s, [&] { return CameBack().size() == 2 * kOutputs; }));
  ASSERT_TRUE(Until(60s, [&] { return AllRead(); }));
  for (const auto& [sample, times] : CameBack()) EXPECT_EQ(times, 1) << sample.first;
  for (const char* asset : {"x1", "x2"}) {
    ASSERT_TRUE(Until(60s, [&] { return History(asset, "Score").size() == kOutputs; }));
    for (const auto& [time, value] : History(asset, "Score")) EXPECT_EQ(value, time - kBase);
  }
  EXPECT_EQ(Number("SELECT count(*) FROM model_output WHERE tenant = '" + tenant_ + "'"),
            2 * kOutputs);
}

TEST_F(OutputsTest, GoOnBesideOnesThatKafkaRefuses) {
  const std::string other = RandomId(8);
  auto topics = messaging::TenantTopics(other);
  for (messaging::TopicSpec& topic : topics) {
    if (topic.name.starts_with("dead.")) topic.config["max.message.bytes"] = "4000";
  }
  ASSERT_TRUE((*messaging::Admin::Make(Kafka().Options()))->CreateTopics(topics, 20s).ok());
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  for (int i = 0; i < 3; ++i) {
    Publish("out." + other, "x1", std::string(10'000, 'x'));
    Output("m", deployment, "x1", kBase + i, i);
  }
  Flush();

  EXPECT_TRUE(Until(60s, [&] { return CameBack().size() == 3; }));
  EXPECT_TRUE(Until(60s, [&] { return ReadAll("dead." + other).size() == 3; }));
  for (const messaging::Record& dead : ReadAll("dead." + other)) {
    EXPECT_EQ(HeaderOf(dead, "dead_cause"), "too-large");
    EXPECT_EQ(dead.value, "");
  }
}

TEST_F(OutputsTest, BecomeOneSampleEachAfterAFreezeLongerThanTheTimeouts) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  for (int i = 0; i < 50; ++i) Output("m", deployment, "x1", kBase + i, i);
  Flush();
  Pusher().Signal(SIGSTOP);
  for (int i = 50; i < 100; ++i) Output("m", deployment, "x1", kBase + i, i);
  Flush();
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(Until(30s, [&] { return std::chrono::steady_clock::now() - began > 12s; }));
  Pusher().Signal(SIGCONT);

  ASSERT_TRUE(Until(60s, [&] { return CameBack().size() == 100; }));
  ASSERT_TRUE(Until(60s, [&] { return AllRead(); }));
  for (const auto& [sample, times] : CameBack()) EXPECT_EQ(times, 1) << sample.second;
}

TEST_F(OutputsTest, AreTakenLateWhileTheirRouteIsClosed) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  WaitForRevision(TellRoute("m", deployment, false));

  Output("m", deployment, "x1", kBase, 1);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Score").size() == 1; }));
}

TEST_F(OutputsTest, ThatNoMappingAllowsBecomeDeadLetters) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  Output("m", "nobody", "x1", kBase, 1);
  Output("m", deployment, "stranger", kBase, 1);
  Enqueue("out." + tenant_, "x1", "nonsense",
          {
              {"model",      "m"       },
              {"deployment", deployment}
  });
  Output("m", deployment, "x1", kBase + 1, 2);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Score").size() == 1; }));
  const std::string mine = " FROM dead_letter WHERE tenant = '" + tenant_ + "'";
  ASSERT_TRUE(Until(20s, [&] { return Number("SELECT count(*)" + mine) == 3; }));
  EXPECT_EQ(Number("SELECT count(*)" + mine + " AND cause = 'not-mapped'"), 2);
  EXPECT_EQ(Number("SELECT count(*)" + mine + " AND cause = 'bad-record' AND record = 'nonsense'"),
            1);
  ASSERT_TRUE(Until(20s, [&] { return AllRead(); }));
  EXPECT_EQ(CameBack().size(), 1U);
}

TEST_F(OutputsTest, ADeadLetterKeepsItsRowWholeAndWhatItCameOf) {
  const std::string row = R"({"values": ")" + std::string(10'000, 'x') + "\"}";
  Enqueue("dead." + tenant_, "x1", "{}",
          {
              {"model",          "m"      },
              {"ce_id",          "d/new"  },
              {"dead_cause",     "refused"},
              {"dead_row",       row      },
              {"dead_replay_of", "d/old"  }
  });
  Flush();

  EXPECT_TRUE(Until(20s, [&] {
    return Number("SELECT count(*) FROM dead_letter WHERE tenant = '" + tenant_ +
                  "' AND id = 'd/new' AND replay_of = 'd/old' AND length(dead_row) = " +
                  std::to_string(row.size())) == 1;
  }));
}

TEST_F(OutputsTest, OfATenantMadeJustNowAreSeenWithinSeconds) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  const auto began = std::chrono::steady_clock::now();
  Output("m", deployment, "x1", kBase, 1);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return CameBack().size() == 1; }));

  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

}  // namespace
}  // namespace outrigger::testing
