// SPDX-License-Identifier: Apache-2.0
// What counts as the same sample, over everything that may happen to a pusher.
#include <gmock/gmock.h>

#include <format>
#include <set>

#include "pusher_fixture.h"

namespace outrigger::testing {
namespace {

using namespace std::chrono_literals;  // NOLINT
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::int64_t kBase = 1'790'000'000'000;

class IdentityTest : public PusherTest {
 protected:
  // (asset, time, value) of each cause in a feed. What a killed pusher wrote again has the same
  // src.
  using Causes = std::multiset<std::tuple<std::string, std::int64_t, double>>;
  static Causes CausesIn(const std::string& feed) {
    Causes causes;
    std::set<std::string> seen;
    for (const messaging::Record& record : ReadAll(feed)) {
      const auto src = messaging::FindHeader(record.headers, "src");
      if (!seen.insert(std::string(src.value_or("(none)"))).second) continue;
      const json value = json::parse(*record.value);
      causes.emplace(*record.key, value.at("time"), value.at("values").at("temp"));
    }
    return causes;
  }
  std::int64_t FedTo(const std::string& feed) {
    const auto ends = (*messaging::Admin::Make(Kafka().Options()))->EndOffsets(feed, 10s);
    return ends.ok() ? ends->at(0) : -1;
  }
  static double Total(const http::Reply& reply, const std::string& metric) {
    const std::size_t at = reply.body.find('\n' + metric + ' ');
    return at == std::string::npos ? -1 : std::stod(reply.body.substr(at + metric.size() + 2));
  }
};

TEST_F(IdentityTest, ARepeatIsNoNewCauseWhicheverPusherHasItsPartition) {
  const std::vector<std::string> assets = {"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8"};
  DefineAssets(assets);
  const std::string feed = FeedOf("m", OpenRoute("m"));
  constexpr int kSamples = 40;
  Causes expected;
  const auto send = [&](int round) {
    for (int i = 0; i < kSamples; ++i) {
      for (const std::string& asset : assets) Sample(asset, kBase + i, i);
    }
    // Behind the repeats of its partition: once it is there, they were judged.
    for (const std::string& asset : assets) Sample(asset, kBase + 1'000 + round, round);
    Flush();
    for (const std::string& asset : assets) expected.emplace(asset, kBase + 1'000 + round, round);
  };
  const auto judged = [&] { return CausesIn(feed).size() >= expected.size(); };
  for (int i = 0; i < kSamples; ++i) {
    for (const std::string& asset : assets) expected.emplace(asset, kBase + i, i);
  }

  send(0);
  ASSERT_TRUE(Until(60s, judged));
  PusherProcess other("pusher-1", Kafka().address(), database());
  other.Start();
  ASSERT_TRUE(Until(60s, [&] {
    return Total(Get(other.admin_url() + "/metrics"), "outrigger_pusher_partitions") > 0;
  })) << "the second pusher got no partition";
  send(1);
  ASSERT_TRUE(Until(60s, judged));
  other.KillAndRestart();
  send(2);
  ASSERT_TRUE(Until(60s, judged));
  EXPECT_EQ(other.Stop(), 0);
  send(3);  // when the session of the other has ended, the first one has all partitions again
  ASSERT_TRUE(Until(60s, judged));

  EXPECT_EQ(CausesIn(feed), expected);
  for (const std::string& asset : assets) {
    EXPECT_TRUE(Until(60s, [&] { return History(asset, "Temperature").size() == kSamples + 4; }));
  }
}

TEST_F(IdentityTest, ARepeatOlderThanTheLastSamplesOfItsAssetIsNew) {
  DefineAssets({"x1", "x2"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  constexpr int kRemembered = 16'384;
  Sample("x2", kBase, 1, "quiet");
  for (int i = 0; i <= kRemembered; ++i) Sample("x1", kBase + i, i);
  Flush();
  ASSERT_TRUE(Until(60s, [&] { return FedTo(feed) == kRemembered + 2; })) << FedTo(feed);
  Pusher().KillAndRestart();

  Sample("x1", kBase, 0);                          // forgotten since
  Sample("x1", kBase + kRemembered, kRemembered);  // not forgotten
  Sample("x2", kBase, 1, "quiet");                 // nor is what a quiet asset said
  Sample("x1", kBase + 100'000, 1);
  Sample("x2", kBase + 100'000, 1);
  Flush();

  ASSERT_TRUE(Until(60s, [&] { return FedTo(feed) >= kRemembered + 5; })) << FedTo(feed);
  const Causes causes = CausesIn(feed);
  EXPECT_EQ(causes.count({"x1", kBase, 0}), 2u);
  EXPECT_EQ(causes.count({"x1", kBase + kRemembered, kRemembered}), 1u);
  EXPECT_EQ(causes.count({"x2", kBase, 1}), 1u);
}

TEST_F(IdentityTest, ACorrectionIsANewCauseAndTheLastWrittenCounts) {
  DefineAssets({"x1"});
  const std::string feed = FeedOf("m", OpenRoute("m"));
  Sample("x1", kBase, 1, "a");
  Sample("x1", kBase + 1, 2, "b");
  Sample("x1", kBase, 10, "c");  // corrected, and it is late
  Sample("x1", kBase + 1, 20, "d");
  Sample("x1", kBase - 5, 30, "e");  // late
  Sample("x1", kBase, 10, "c");      // the correction again
  Sample("x1", kBase + 2, 3, "f");
  Flush();

  ASSERT_TRUE(Until(30s, [&] { return CausesIn(feed).size() >= 6; }));
  EXPECT_EQ(CausesIn(feed), (Causes{
                                {"x1", kBase - 5, 30},
                                {"x1", kBase,     1 },
                                {"x1", kBase,     10},
                                {"x1", kBase + 1, 2 },
                                {"x1", kBase + 1, 20},
                                {"x1", kBase + 2, 3 }
  }));
  ASSERT_TRUE(Until(30s, [&] { return History("x1", "Temperature").contains(kBase + 2); }));
  EXPECT_EQ(History("x1", "Temperature"),
            (std::map<std::int64_t, json>{
                {kBase - 5, 30},
                {kBase,     10},
                {kBase + 1, 20},
                {kBase + 2, 3 }
  }));
  EXPECT_EQ(Json("/api/v1/assets/x1/latest")["values"]["Temperature"]["value"], 3);
  const json sums = Json(std::format(
      "/api/v1/assets/x1/telemetry/Temperature?from={}&aggregate=sum&interval=1000", kBase));
  EXPECT_EQ(sums["points"], (json{
                                {kBase, 33}
  }));
}

TEST_F(IdentityTest, ALateCorrectionChangesHistoryAndNotTheLastValue) {
  DefineAssets({"x1"});
  Sample("x1", kBase, 1, "a");
  Sample("x1", kBase + 1, 2, "b");
  Flush();
  ASSERT_TRUE(Until(30s, [&] { return History("x1", "Temperature").size() == 2; }));

  Sample("x1", kBase, 10, "c");
  Flush();

  ASSERT_TRUE(Until(30s, [&] { return History("x1", "Temperature")[kBase] == 10; }));
  EXPECT_EQ(Json("/api/v1/assets/x1/latest")["values"]["Temperature"]["value"], 2);
}

}  // namespace
}  // namespace outrigger::testing
