// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "outrigger/messaging/kafka.h"

namespace outrigger::messaging {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

// 17 MiB: a record may carry a whole request or reply, each at most 16 MiB; routes and specs are
// made from documents of 1 MiB, but name more than these.
constexpr auto kMaxRecordBytes = "17825792";

std::string Ms(milliseconds time) { return std::to_string(time.count()); }

TopicSpec Compacted(std::string name, bool large = false) {
  TopicSpec topic{
      std::move(name),
      1,
      {{"cleanup.policy", "compact"},
        {"segment.bytes", "16777216"},
        {"max.compaction.lag.ms", "600000"}}
  };
  if (large) topic.config["max.message.bytes"] = kMaxRecordBytes;
  return topic;
}

TopicSpec Kept(std::string name, int partitions, milliseconds retention, bool large = true) {
  TopicSpec topic{
      std::move(name), partitions, {{"cleanup.policy", "delete"}, {"retention.ms", Ms(retention)}}
  };
  if (large) topic.config["max.message.bytes"] = kMaxRecordBytes;
  return topic;
}

}  // namespace

std::vector<TopicSpec> PlatformTopics() {
  TopicSpec telemetry = Kept("telemetry", 4, days(7), false);
  telemetry.config["message.timestamp.type"] = "LogAppendTime";
  // A takeover is judged by the claims that were made around it: they stay for a day.
  TopicSpec shards = Compacted(kShardTopic);
  shards.partitions = kShards;
  shards.config["min.compaction.lag.ms"] = Ms(days(1));
  shards.config["max.compaction.lag.ms"] = Ms(days(2));
  return {std::move(telemetry),     Compacted("catalog", true),
          Compacted("credentials"), Compacted("pusher-status"),
          std::move(shards),        Kept("model-events", 4, days(30), false)};
}

std::vector<TopicSpec> TenantTopics(const std::string& tenant) {
  return {Compacted("control." + tenant, true), Compacted("journal." + tenant, true),
          Kept("out." + tenant, 4, days(30)), Kept("dead." + tenant, 1, days(30)),
          Kept("callbacks." + tenant, 1, days(2))};
}

TopicSpec FeedTopic(const std::string& tenant, const std::string& model,
                    const std::string& deployment, int partitions, milliseconds retention) {
  return Kept("feed." + tenant + "." + model + "." + deployment, partitions,
              std::max<milliseconds>(retention, days(1)));
}

}  // namespace outrigger::messaging
