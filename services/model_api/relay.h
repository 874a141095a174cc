// SPDX-License-Identifier: Apache-2.0
// Relay: publishes the outbox to Kafka in order, each record with its revision, so that what a
// transaction said reaches the data plane once it is committed, and never before.
//
// One replica publishes, under a lease with an epoch and with a transactional id: a relay that
// slept past its lease can neither publish nor mark.
//
// Threads:  every method may be called concurrently.
// See also: docs/adr/0013-outbox-and-relay.md, docs/formats/topics.md
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/metrics.h"
#include "outrigger/messaging/kafka.h"
#include "outrigger/store/database.h"
#include "outrigger/store/outbox.h"

namespace outrigger::model_api {

class Relay {
 public:
  // `database` is opened with Access::kWorker and outlives the relay.
  Relay(store::Database& database, messaging::KafkaOptions kafka, Clock& clock, Metrics& metrics);
  ~Relay();

  // There may be something to publish: a hint that saves waiting for the next look.
  void Nudge();
  // Waits until the outbox row, and all it depends on, is in Kafka.
  // Errors: kTimeout - not yet: it is stored and will be published.
  Result<> WaitPublished(std::int64_t outbox_id, Millis deadline);
  // Whether the outbox was looked at lately, by us or by another replica.
  bool Healthy() const { return healthy_; }

 private:
  void Run(std::stop_token stop);
  // Publishes under one lease until it is lost or something fails.
  Result<> Publish(std::stop_token stop);
  Result<> PublishSafely(std::stop_token stop);
  // How many; nullopt: Kafka refused a record, and the producer is spent.
  Result<std::optional<std::size_t>> PublishBatch(messaging::TransactionalProducer& producer,
                                                  const store::Lease& lease);
  Result<> SendAll(messaging::TransactionalProducer& producer,
                   const std::vector<store::OutboxRecord>& records);
  // A record that Kafka refuses for what it is must not stop all others: it is left out, loudly.
  Result<> LeaveOut(const store::Lease& lease, const store::OutboxRecord& record, const Error& why);
  void Announce(const std::vector<store::OutboxRecord>& records);
  void WaitForWork(Millis at_most, std::stop_token stop);
  void Housekeep();

  store::Database& database_;
  const messaging::KafkaOptions kafka_;
  Clock& clock_;
  const std::string owner_;
  Counter& published_total_;
  Counter& refused_total_;
  Gauge& waiting_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool nudged_ = false;
  std::set<std::int64_t> published_;  // outbox ids of late
  SteadyTime next_housekeeping_{};
  std::size_t batch_;  // how many records a transaction takes; on the thread only
  std::atomic<bool> healthy_{false};
  std::jthread thread_;
};

}  // namespace outrigger::model_api
