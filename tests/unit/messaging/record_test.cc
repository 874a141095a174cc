// SPDX-License-Identifier: Apache-2.0
#include "outrigger/messaging/record.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "outrigger/messaging/kafka.h"

namespace outrigger::messaging {
namespace {

using ::testing::MatchesRegex;

TEST(RecordTest, FindsTheFirstHeaderOfAName) {
  const Headers headers{
      {"a", "1"},
      {"b", "2"},
      {"b", "3"}
  };

  EXPECT_EQ(FindHeader(headers, "b"), "2");
  EXPECT_EQ(FindHeader(headers, "c"), std::nullopt);
}

TEST(RecordTest, CarriesEveryCloudEventAttributeAndATraceOfItsOwn) {
  const auto headers = CloudEventHeaders("id", "/s", "t", 1'700'000'000'000);

  EXPECT_EQ(FindHeader(headers, "ce_id"), "id");
  EXPECT_EQ(FindHeader(headers, "ce_source"), "/s");
  EXPECT_EQ(FindHeader(headers, "ce_type"), "t");
  EXPECT_EQ(FindHeader(headers, "ce_time"), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(FindHeader(headers, "ce_specversion"), "1.0");
  EXPECT_THAT(std::string(*FindHeader(headers, "traceparent")),
              MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-01"));
}

TEST(RecordTest, KeepsATraceThatIsGivenAndReplacesWhatIsNone) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  EXPECT_EQ(FindHeader(CloudEventHeaders("id", "/s", "t", 0, trace), "traceparent"), trace);
  for (const std::string& none : {std::string("00-ab-cd-01"), trace + "-more",
                                  std::string(1 << 20, 'x'), "01" + trace.substr(2)}) {
    const auto headers = CloudEventHeaders("id", "/s", "t", 0, none);
    EXPECT_TRUE(IsTraceParent(*FindHeader(headers, "traceparent")));
  }
}

TEST(TopicsTest, AFeedIsKeptAtLeastADay) {
  using std::chrono::hours;

  EXPECT_EQ(FeedTopic("t", "m", "d", 3, hours(1)).config.at("retention.ms"), "86400000");
  EXPECT_EQ(FeedTopic("t", "m", "d", 3, hours(48)).config.at("retention.ms"), "172800000");
  EXPECT_EQ(FeedTopic("t", "m", "d", 3, hours(1)).name, "feed.t.m.d");
  EXPECT_EQ(FeedTopic("t", "m", "d", 3, hours(1)).partitions, 3);
}

TEST(TopicsTest, CompactedTopicsHaveOnePartitionAndAreCompactedSoon) {
  auto topics = TenantTopics("acme");
  for (const auto& topic : PlatformTopics()) topics.push_back(topic);

  for (const auto& topic : topics) {
    if (topic.config.at("cleanup.policy") != "compact" || topic.name == kShardTopic) continue;
    EXPECT_EQ(topic.partitions, 1) << topic.name;
    EXPECT_EQ(topic.config.at("max.compaction.lag.ms"), "600000") << topic.name;
  }
  EXPECT_EQ(std::ranges::count_if(topics, [](const auto& t) { return t.name == "out.acme"; }), 1);
}

TEST(TopicsTest, ClaimsOfShardsStayForADay) {
  const auto topics = PlatformTopics();
  const auto shards = std::ranges::find(topics, kShardTopic, &TopicSpec::name);
  ASSERT_NE(shards, topics.end());
  EXPECT_EQ(shards->partitions, kShards);
  EXPECT_EQ(shards->config.at("cleanup.policy"), "compact");
  EXPECT_EQ(shards->config.at("min.compaction.lag.ms"), "86400000");
}

}  // namespace
}  // namespace outrigger::messaging
