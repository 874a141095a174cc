// SPDX-License-Identifier: Apache-2.0
// FeedWriter: writes feed records in order and gives none up, so that what is acknowledged below an
// offset really is all of it; a feed that is gone holds up nobody but itself.
//
// A record of a topic that Kafka does not know is held back with all later ones of that topic, and
// tried again. It is given up when its route is closed or gone, or when the topic stays unknown.
// A record that Kafka refuses, because it is too large, becomes a dead letter of its tenant.
//
// Threads:  Send() and Tick() belong to the router; `done` runs on the producer's thread or in
//           Tick() and must not block.
// Lifetime: the producer is destroyed first (its callbacks use the writer).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "data_pusher/catalog_view.h"
#include "outrigger/base/clock.h"
#include "outrigger/base/metrics.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::data_pusher {

class FeedWriter {
 public:
  struct Options {
    std::size_t max_in_flight = 50'000;
    std::size_t max_bytes = 64 << 20;
    Millis give_up{60'000};  // a topic that an open route names and Kafka does not know
    Millis probe{500};
  };
  FeedWriter(const Options& options, Clock& clock, Metrics& metrics);

  // `done` is called once: the record or its dead letter is acknowledged, or nobody can want it any
  // more.
  void Send(messaging::Producer& producer, RoutePtr route, messaging::OutRecord record,
            std::function<void()> done);
  // Tries held records again. Call at least every 100 ms.
  void Tick(messaging::Producer& producer, const CatalogSnapshot& catalog);

  bool HasRoom() const {
    return in_flight_ < options_.max_in_flight && bytes_ < options_.max_bytes;
  }
  // Whether the producer lost a record for good: throw it away and route again from what is
  // committed.
  bool Failed() const { return failed_; }

 private:
  struct Job {
    std::uint64_t sequence = 0;
    RoutePtr route;
    messaging::OutRecord record;
    std::function<void()> done;
    bool dead = false;  // the record is a dead letter now
  };
  using JobPtr = std::shared_ptr<Job>;  // shared by the producer's callback and the held ones
  struct Missing {
    std::map<std::uint64_t, JobPtr> held;  // in the order of Send()
    SteadyTime since;
    SteadyTime next_probe;
    bool probing = false;
    bool found = false;
  };
  void Hand(messaging::Producer& producer, const JobPtr& job, bool probe);
  void Delivered(const JobPtr& job, bool probe, const Error* error);
  void Hold(const JobPtr& job, bool unknown_topic);
  void Refuse(const JobPtr& job, const std::string& why);
  void Finish(const JobPtr& job);

  const Options options_;
  Clock& clock_;
  Counter& given_up_;
  Counter& refused_total_;
  Gauge& in_flight_gauge_;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<bool> failed_{false};
  std::uint64_t sequence_ = 0;
  std::mutex mutex_;
  std::map<std::string, Missing> missing_;  // by topic
  std::vector<JobPtr> refused_;             // dead letters to be sent
  std::set<std::string> said_;              // deployments whose first refused record was logged
};

}  // namespace outrigger::data_pusher
