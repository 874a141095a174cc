// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <set>

#include "outrigger/base/ids.h"
#include "pusher_fixture.h"

namespace outrigger::testing {
namespace {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::int64_t kBase = 1'790'000'000'000;

std::string HeaderOf(const messaging::Record& record, std::string_view name) {
  return std::string(messaging::FindHeader(record.headers, name).value_or("(none)"));
}

class RoutingTest : public PusherTest {
 protected:
  // Times of what a feed holds, in order, without repeats (which carry the same src).
  static std::vector<std::int64_t> TimesIn(const std::string& feed) {
    std::vector<std::int64_t> times;
    std::set<std::string> seen;
    for (const messaging::Record& record : ReadAll(feed)) {
      if (!seen.insert(HeaderOf(record, "src") + *record.key).second) continue;
      times.push_back(json::parse(*record.value).at("time"));
    }
    return times;
  }
};

TEST_F(RoutingTest, FeedsAModelTheInputsItAskedForAndArchivesAll) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  Sample("x1", kBase, 21.5);
  Flush();

  const std::string feed = FeedOf("m", deployment);
  ASSERT_TRUE(Until(20s, [&] { return TimesIn(feed).size() == 1; }));
  const messaging::Record fed = ReadAll(feed).front();
  EXPECT_EQ(fed.key, "x1");
  EXPECT_EQ(json::parse(*fed.value),
            (json{
                {"subject", "x1"            },
                {"time",    kBase           },
                {"values",  {{"temp", 21.5}}}
  }));
  EXPECT_THAT(HeaderOf(fed, "src"), ::testing::MatchesRegex("[0-3]:[0-9]+"));
  EXPECT_EQ(HeaderOf(fed, "ce_id"), deployment + "/" + HeaderOf(fed, "src") + "/x1");
  EXPECT_NE(HeaderOf(fed, "rev"), "(none)");
  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Temperature").size() == 1; }));
  EXPECT_EQ(
      Json("/api/v1/assets/x1/latest"),
      (json{
          {"asset",  "x1"                                                 },
          {"values", {{"Temperature", {{"time", kBase}, {"value", 21.5}}}}}
  }));
}

TEST_F(RoutingTest, RoutesARepeatOnceEvenAcrossARestart) {
  DefineAssets({"x1"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  Sample("x1", kBase, 1, "same");
  Sample("x1", kBase, 1, "same");
  Flush();
  ASSERT_TRUE(Until(20s, [&] { return TimesIn(feed).size() == 1; }));
  Pusher().KillAndRestart();
  Sample("x1", kBase, 1, "same");
  Sample("x1", kBase + 1, 2, "another");
  Flush();

  ASSERT_TRUE(Until(30s, [&] { return TimesIn(feed).size() >= 2; }));

  EXPECT_THAT(TimesIn(feed), ::testing::ElementsAre(kBase, kBase + 1));
}

TEST_F(RoutingTest, LosesNothingAndKeepsTheOrderWhileItIsKilled) {
  DefineAssets({"x1", "x2", "x3"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  constexpr int kSamples = 600;
  for (int i = 0; i < kSamples; ++i) {
    for (const char* asset : {"x1", "x2", "x3"}) Sample(asset, kBase + i, i);
    if (i % 150 == 75) {
      Flush();
      Pusher().KillAndRestart();
    }
  }
  Flush();

  ASSERT_TRUE(Until(60s, [&] { return TimesIn(feed).size() >= 3 * kSamples; }));
  std::map<std::string, std::vector<std::int64_t>> by_asset;
  std::set<std::string> seen;
  for (const messaging::Record& record : ReadAll(feed)) {
    if (!seen.insert(HeaderOf(record, "src")).second) continue;
    by_asset[*record.key].push_back(json::parse(*record.value).at("time"));
  }
  for (const auto& [asset, times] : by_asset) {
    EXPECT_THAT(times, SizeIs(kSamples)) << asset;
    EXPECT_TRUE(std::ranges::is_sorted(times)) << asset;
  }
  for (const char* asset : {"x1", "x2", "x3"}) {
    ASSERT_TRUE(Until(60s, [&] { return History(asset, "Temperature").size() == kSamples; }));
    for (const auto& [time, value] : History(asset, "Temperature")) EXPECT_EQ(value, time - kBase);
  }
}

TEST_F(RoutingTest, SendsNothingAfterItSaidThatARouteIsClosed) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  const std::string feed = FeedOf("m", deployment);
  Sample("x1", kBase, 1);
  Flush();
  ASSERT_TRUE(Until(20s, [&] { return TimesIn(feed).size() == 1; }));

  WaitForRevision(TellRoute("m", deployment, false));
  Sample("x1", kBase + 1, 2);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Temperature").size() == 2; }));
  const std::string other = FeedOf("n", OpenRoute("n"));
  Sample("x1", kBase + 2, 3);
  Flush();
  ASSERT_TRUE(Until(20s, [&] { return TimesIn(other).size() == 1; }));
  EXPECT_THAT(TimesIn(feed), SizeIs(1));
}

TEST_F(RoutingTest, HoldsUpNobodyForAFeedThatIsGone) {
  DefineAssets({"x1"});
  const std::string gone = OpenRoute("gone");
  const std::string feed = FeedOf("m", OpenRoute("m"));
  const auto admin = *messaging::Admin::Make(Kafka().Options());
  ASSERT_TRUE(admin->DeleteTopic(FeedOf("gone", gone), 20s).ok());

  for (int i = 0; i < 20; ++i) Sample("x1", kBase + i, i);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return TimesIn(feed).size() == 20; }));
  WaitForRevision(TellRoute("gone", gone, false));
}

TEST_F(RoutingTest, FeedsTheFirstSampleOfAnAssetThatWasJustMade) {
  DefineAssets({"x0"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  constexpr int kAssets = 60;
  for (int i = 1; i <= kAssets; ++i) {
    const std::string asset = "x" + std::to_string(i);
    DefineAssets({asset});
    Sample(asset, kBase + i, i);
    Sample("nobody-" + std::to_string(i), kBase, i);
    Flush();
  }

  EXPECT_TRUE(Until(20s, [&] { return TimesIn(feed).size() == kAssets; })) << TimesIn(feed).size();
}

TEST_F(RoutingTest, MakesADeadLetterOfASampleThatNoFeedTakes) {
  DefineAssets({"x1"});
  const std::string deployment = RandomId(6);
  const std::vector feeds = {messaging::FeedTopic(tenant_, "wide", deployment, 1, 24h)};
  ASSERT_TRUE((*messaging::Admin::Make(Kafka().Options()))->CreateTopics(feeds, 20s).ok());
  json group = {
      {"subject", "x1"}
  };
  for (int i = 0; i < 60; ++i) {
    group["inputs"]["i" + std::to_string(i)] = {
        {"asset",     "x1"   },
        {"telemetry", "Level"}
    };
  }
  WaitForRevision(TellGroups("wide", deployment, json::array({group})));
  const std::string feed = FeedOf("m", OpenRoute("m"));

  SampleText("x1", kBase, std::string(400'000, 'x'));
  SampleText("x1", kBase + 1, "short");
  Sample("x1", kBase + 2, 1);
  Flush();

  EXPECT_TRUE(Until(30s, [&] { return TimesIn(feed).size() == 1; })) << "others wait";
  EXPECT_TRUE(Until(30s, [&] { return TimesIn(FeedOf("wide", deployment)).size() == 1; }));
  const auto dead = ReadAll("dead." + tenant_);
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(HeaderOf(dead[0], "dead_cause"), "too-large");
  EXPECT_EQ(HeaderOf(dead[0], "deployment"), deployment);
}

TEST_F(RoutingTest, FeedsManySubjectsFromOneSampleInLittleMemory) {
  DefineAssets({"x1"});
  const std::string deployment = RandomId(6);
  const std::vector feeds = {messaging::FeedTopic(tenant_, "many", deployment, 1, 24h)};
  ASSERT_TRUE((*messaging::Admin::Make(Kafka().Options()))->CreateTopics(feeds, 20s).ok());
  json groups = json::array();
  constexpr int kSubjects = 1'500;
  for (int i = 0; i < kSubjects; ++i) {
    groups.push_back({
        {"subject", "s" + std::to_string(i)                               },
        {"inputs",  {{"level", {{"asset", "x1"}, {"telemetry", "Level"}}}}}
    });
  }
  WaitForRevision(TellGroups("many", deployment, groups));
  const auto peak_mb = [] {
    std::ifstream status("/proc/" + std::to_string(Pusher().pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stol(line.substr(6)) / 1024;
    }
    return 0L;
  };
  const long before = peak_mb();

  SampleText("x1", kBase, std::string(300'000, 'x'));
  Flush();

  const std::string feed = FeedOf("many", deployment);
  const auto admin = *messaging::Admin::Make(Kafka().Options());
  ASSERT_TRUE(Until(60s, [&] { return (*admin->EndOffsets(feed, 10s))[0] >= kSubjects; }));
  EXPECT_LT(peak_mb() - before, 330) << "450 MB were fed";
}

TEST_F(RoutingTest, EndsInTimeWhenKafkaIsGone) {
  const auto broker = KafkaBroker::Start();
  ASSERT_TRUE(broker.ok()) << broker.error().ToString();
  const auto topics = messaging::PlatformTopics();
  ASSERT_TRUE((*messaging::Admin::Make((*broker)->Options()))->CreateTopics(topics, 30s).ok());
  PusherProcess alone("pusher-alone", (*broker)->address(), database());
  alone.Start();
  ASSERT_TRUE(Until(30s, [&] { return Get(alone.admin_url() + "/readyz").status == 200; }));
  (*broker)->Kill();
  ASSERT_TRUE(Until(30s, [&] { return Get(alone.admin_url() + "/readyz").status == 503; }));

  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(alone.Stop(), 0);

  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST_F(RoutingTest, GoesOnWithoutPostgresWhichCatchesUp) {
  DefineAssets({"x1"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  Sample("x1", kBase, 0);
  Flush();
  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Temperature").size() == 1; }));
  PostgresServer::Shared().Stop();
  const auto began = std::chrono::steady_clock::now();

  for (int i = 1; i < 50; ++i) Sample("x1", kBase + i, i);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return TimesIn(feed).size() == 50; })) << "routing waited";
  EXPECT_EQ(Json("/api/v1/assets/x1/latest")["values"]["Temperature"]["value"], 49);
  EXPECT_EQ(Get("/api/v1/assets/x1/telemetry/Temperature").status, 503);
  EXPECT_EQ(Get(Pusher().admin_url() + "/readyz").status, 200);
  EXPECT_THAT(Get(Pusher().admin_url() + "/readyz?verbose").body, HasSubstr("[-]history degraded"));
  ASSERT_TRUE(Until(20s, [&] { return std::chrono::steady_clock::now() - began > 5s; }));
  PostgresServer::Shared().Start();
  ASSERT_TRUE(Until(60s, [&] { return History("x1", "Temperature").size() == 50; }));
}

TEST_F(RoutingTest, KeepsTheLastValueWrittenForATime) {
  DefineAssets({"x1"});
  Sample("x1", kBase, 1, "a");
  Sample("x1", kBase + 1, 2, "b");
  Flush();
  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Temperature").size() == 2; }));
  Sample("x1", kBase, 10, "c");
  Sample("x1", kBase + 1, 20, "d");
  Sample("x1", kBase + 1, 30, "e");
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Temperature")[kBase] == 10; }));
  EXPECT_EQ(History("x1", "Temperature")[kBase + 1], 30);
  EXPECT_EQ(Json("/api/v1/assets/x1/latest")["values"]["Temperature"]["value"], 30);
}

TEST_F(RoutingTest, PassesOverWhatIsNoSample) {
  DefineAssets({"x1"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  Enqueue("telemetry", tenant_ + "/x1", "nonsense");
  Enqueue("telemetry", tenant_ + "/x1", R"({"time":5,"values":{"Temperature":"\u0000"}})");
  Enqueue("telemetry", tenant_ + "/x1", "");
  Sample("x1", kBase, 1);
  Flush();

  ASSERT_TRUE(Until(20s, [&] { return TimesIn(feed).size() == 1; }));
  ASSERT_TRUE(Until(20s, [&] { return History("x1", "Temperature").size() == 1; }));
}

TEST_F(RoutingTest, HandsPartitionsToAnotherReplicaAndFencesAFrozenOne) {
  DefineAssets({"x1", "x2", "x3", "x4", "x5"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  PusherProcess other("pusher-1", Kafka().address(), database());
  other.Start();
  const auto send = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      for (int asset = 1; asset <= 5; ++asset) Sample("x" + std::to_string(asset), kBase + i, i);
    }
    Flush();
  };
  send(0, 100);
  ASSERT_TRUE(Until(60s, [&] { return TimesIn(feed).size() == 500; }));
  other.Signal(SIGSTOP);
  send(100, 200);
  // Only the one that still runs can have done this, after the session of the frozen one ended.
  ASSERT_TRUE(Until(60s, [&] { return TimesIn(feed).size() == 1'000; }));
  other.Signal(SIGCONT);
  send(200, 300);

  ASSERT_TRUE(Until(60s, [&] { return TimesIn(feed).size() == 1'500; }));
  for (int asset = 1; asset <= 5; ++asset) {
    const std::string name = "x" + std::to_string(asset);
    ASSERT_TRUE(Until(60s, [&] { return History(name, "Temperature").size() == 300; })) << name;
  }
  EXPECT_EQ(other.Stop(), 0);
}

TEST_F(RoutingTest, GoesOnWhereItWasWhenKafkaComesBack) {
  DefineAssets({"x1"});
  const std::string deployment = OpenRoute("m");
  const std::string feed = FeedOf("m", deployment);
  for (int i = 0; i < 50; ++i) Sample("x1", kBase + i, i);
  Flush();
  Kafka().Kill();
  EXPECT_TRUE(Until(20s, [&] { return Get(Pusher().admin_url() + "/readyz").status == 503; }));
  ASSERT_TRUE(Kafka().Restart().ok());
  for (int i = 50; i < 100; ++i) Sample("x1", kBase + i, i);
  Output("m", deployment, "x1", kBase, 0.5);
  Flush();

  ASSERT_TRUE(Until(60s, [&] { return TimesIn(feed).size() == 100; }));
  ASSERT_TRUE(Until(60s, [&] { return History("x1", "Temperature").size() == 100; }));
  ASSERT_TRUE(Until(60s, [&] { return History("x1", "Score").size() == 1; }));
  EXPECT_TRUE(std::ranges::is_sorted(TimesIn(feed)));
  EXPECT_TRUE(Until(60s, [&] { return Get(Pusher().admin_url() + "/readyz").status == 200; }));
}

TEST_F(RoutingTest, StopsInTimeWhateverIsGone) {
  PusherProcess other("pusher-1", Kafka().address(), database());
  other.Start();
  ASSERT_TRUE(Until(60s, [&] { return Get(other.admin_url() + "/readyz").status == 200; }));
  Kafka().Kill();
  PostgresServer::Shared().Stop();
  const auto began = std::chrono::steady_clock::now();

  EXPECT_EQ(other.Stop(), 0);

  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  PostgresServer::Shared().Start();
  ASSERT_TRUE(Kafka().Restart().ok());
}

TEST_F(RoutingTest, ShowsItsStateOnTheAdminPort) {
  ASSERT_TRUE(Until(60s, [&] { return Get(Pusher().admin_url() + "/readyz").status == 200; }));

  const std::string metrics = Get(Pusher().admin_url() + "/metrics").body;

  for (const char* name : {"outrigger_pusher_routed_total", "outrigger_pusher_repeats_total",
                           "outrigger_pusher_archive_lag_seconds", "outrigger_pusher_outputs_total",
                           "outrigger_pusher_not_mapped_total"}) {
    EXPECT_THAT(metrics, HasSubstr(name));
  }
}

}  // namespace
}  // namespace outrigger::testing
