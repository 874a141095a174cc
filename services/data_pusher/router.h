// SPDX-License-Identifier: Apache-2.0
// Router: takes every sample of `telemetry` to the feeds of the models that want it, in order,
// each once, and tells how far it got, so that the control plane knows when a route is in force.
//
// Threads:  one of its own, from construction to destruction.
// Durable:  group offsets are committed only below what Kafka acknowledged; after a crash a sample
//           may be written to a feed again with the same `src`, which its reader knows.
// See also: docs/formats/feed.md, docs/formats/pusher-status.md
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "data_pusher/catalog_view.h"
#include "data_pusher/feed_writer.h"
#include "data_pusher/hot_store.h"
#include "data_pusher/routed_partition.h"
#include "data_pusher/sample.h"
#include "outrigger/base/clock.h"
#include "outrigger/base/metrics.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::data_pusher {

struct RouterOptions {
  messaging::KafkaOptions kafka;
  std::string instance;  // group.instance.id
  FeedWriter::Options feeds;
  Millis tell_every{400};
  Millis commit_every{500};
};

class Router {
 public:
  Router(const RouterOptions& options, CatalogView& catalog, HotStore& hot, Clock& clock,
         Metrics& metrics);
  ~Router();
  Router(const Router&) = delete;

  // The destructor waits for the end, which it may ask for itself.
  void RequestStop() { thread_.request_stop(); }
  // Whether it takes part: subscribed, with a producer that Kafka answers.
  bool Running() const { return running_; }

 private:
  void Run(const std::stop_token& stop);

  const RouterOptions options_;
  CatalogView& catalog_;
  HotStore& hot_;
  Clock& clock_;
  Metrics& metrics_;
  std::atomic<bool> running_{false};
  std::jthread thread_;  // last: it uses the members above
};

}  // namespace outrigger::data_pusher
