// SPDX-License-Identifier: Apache-2.0
// ShardMembership: this host's part in the consumer group that shares deployments out, by shards.
//
// A host that dies or freezes loses its shards after the group's session time (6 s); one that comes
// back with its slot's name before that finds them as they were.
// Threads:  one of its own; events run on the event loop. Start() and Stop() on main's.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "data_companion/event_loop.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::companion {

class ShardMembership {
 public:
  struct Events {
    // All shards that the group wants here now.
    std::function<void(std::set<int> mine)> assigned;
    // They go elsewhere as soon as `done` was called (from any thread), or we have taken too long.
    std::function<void(std::set<int> gone, std::function<void()> done)> revoked;
  };
  ShardMembership(messaging::KafkaOptions kafka, std::string slot, EventLoop& loop, Events events);
  ~ShardMembership();

  void Start();
  void Stop();

 private:
  void Run(const std::stop_token& stop);
  Result<> Follow(const std::stop_token& stop);
  void Assigned(const std::vector<messaging::TopicPartition>& came);
  void Revoked(const std::stop_token& stop, const std::vector<messaging::TopicPartition>& gone);

  const messaging::KafkaOptions kafka_;
  const std::string slot_;
  EventLoop& loop_;
  const Events events_;
  std::unique_ptr<messaging::Consumer> consumer_;  // on the thread, as what follows
  std::set<int> mine_;
  std::jthread thread_;
};

}  // namespace outrigger::companion
