// SPDX-License-Identifier: Apache-2.0
// KafkaFeedTopics: makes and deletes the feed topic of a deployment, so that sagas own it from
// start to end.
//
// Threads: every method may be called concurrently.
#pragma once

#include "outrigger/lifecycle/boards.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::model_api {

class KafkaFeedTopics final : public lifecycle::FeedTopics {
 public:
  explicit KafkaFeedTopics(messaging::Admin& admin) : admin_(admin) {}

  Result<> Create(const lifecycle::Workload& workload, int partitions,
                  std::chrono::milliseconds retention) override;
  Result<> Delete(const lifecycle::Workload& workload) override;

 private:
  messaging::Admin& admin_;
};

// "feed.TENANT.MODEL.D"
std::string FeedTopicName(const lifecycle::Workload& workload);

}  // namespace outrigger::model_api
