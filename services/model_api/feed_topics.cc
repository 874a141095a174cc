// SPDX-License-Identifier: Apache-2.0
#include "model_api/feed_topics.h"

namespace outrigger::model_api {
namespace {

constexpr std::chrono::seconds kDeadline{8};

}  // namespace

Result<> KafkaFeedTopics::Create(const lifecycle::Workload& workload, int partitions,
                                 std::chrono::milliseconds retention) {
  const messaging::TopicSpec topics[] = {
      messaging::FeedTopic(workload.tenant.str(), workload.model.str(), workload.deployment.str(),
                           partitions, retention)};
  return admin_.CreateTopics(topics, kDeadline);
}

Result<> KafkaFeedTopics::Delete(const lifecycle::Workload& workload) {
  return admin_.DeleteTopic(FeedTopicName(workload), kDeadline);
}

std::string FeedTopicName(const lifecycle::Workload& workload) {
  return "feed." + workload.tenant.str() + "." + workload.model.str() + "." +
         workload.deployment.str();
}

}  // namespace outrigger::model_api
