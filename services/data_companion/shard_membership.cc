// SPDX-License-Identifier: Apache-2.0
#include "data_companion/shard_membership.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "outrigger/base/log.h"

namespace outrigger::companion {
namespace {

using messaging::Consumer;
using messaging::TopicPartition;

constexpr auto kGroup = "outrigger-companions";
constexpr Millis kPoll{200};
constexpr Millis kHandover{8'000};  // then the next host fences us
// A process that has taken our slot's name has claimed by then what we hold, and we are at our end.
constexpr Millis kJoinAgain{3'000};

}  // namespace

ShardMembership::ShardMembership(messaging::KafkaOptions kafka, std::string slot, EventLoop& loop,
                                 Events events)
    : kafka_(std::move(kafka)), slot_(std::move(slot)), loop_(loop), events_(std::move(events)) {}

ShardMembership::~ShardMembership() { Stop(); }

void ShardMembership::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void ShardMembership::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void ShardMembership::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto followed = Follow(stop);
    consumer_.reset();
    mine_.clear();  // what we hold we keep until the group says otherwise, or somebody fences us
    if (followed) return;
    LogWarning("out of the group of hosts, joining it again", {followed.error()});
    SleepFor(kJoinAgain);
  }
}

Result<> ShardMembership::Follow(const std::stop_token& stop) {
  Consumer::Options options;
  options.group = kGroup;
  options.instance = slot_;
  options.cooperative = true;
  OR_ASSIGN(consumer_, Consumer::Make(kafka_, options));
  OR_RETURN_IF_ERROR(consumer_->Subscribe(
      {messaging::kShardTopic}, [this](const auto& came) { Assigned(came); },
      [this, &stop](const auto& gone) { Revoked(stop, gone); }));
  while (!stop.stop_requested()) {
    OR_ASSIGN(const auto batch, consumer_->Poll(kPoll));
    (void)batch;  // who claims reads the topic by itself
  }
  return {};
}

void ShardMembership::Assigned(const std::vector<TopicPartition>& came) {
  for (const auto& at : came) mine_.insert(at.partition);
  (void)consumer_->Pause(came);
  loop_.Post([this, mine = mine_] { events_.assigned(mine); });
}

void ShardMembership::Revoked(const std::stop_token& stop,
                              const std::vector<TopicPartition>& gone) {
  std::set<int> shards;
  for (const auto& at : gone) shards.insert(at.partition);
  for (const int shard : shards) mine_.erase(shard);
  // Lost, perhaps because Kafka was gone: nobody waits for us. Who runs them now has fenced us; if
  // nobody does, they come back to us or are let go with the next assignment.
  if (stop.stop_requested() || consumer_->AssignmentLost()) return;
  struct Handover {
    std::mutex mutex;
    std::condition_variable_any changed;
    bool done = false;
  };
  const auto handover = std::make_shared<Handover>();  // shared: the answer may come late
  loop_.Post([this, shards, handover] {
    events_.revoked(shards, [handover] {
      const std::lock_guard lock(handover->mutex);
      handover->done = true;
      handover->changed.notify_all();
    });
  });
  std::unique_lock lock(handover->mutex);
  handover->changed.wait_for(lock, stop, kHandover, [&] { return handover->done; });
}

}  // namespace outrigger::companion
