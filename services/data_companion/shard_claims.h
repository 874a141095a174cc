// SPDX-License-Identifier: Apache-2.0
// ShardClaims: which host runs which deployments, as the topic `companion-shards` says.
//
// A shard is a partition of that topic; a deployment belongs to the one that ShardOf() names. The
// consumer group says who should run a shard. Who may is decided here: a host claims the shard,
// fences the transactional ids of all hosts that may still run it, and settles. It holds the shard
// when nobody else has claimed it since its first look; so nothing of an earlier holder can be
// committed any more, however long that one was frozen.
//
// Threads:  belongs to one thread, the one that owns the slot's producer.
// Durable:  a claim is committed before anything is done because of it.
// See also: docs/formats/companion-shards.md, docs/adr/0015-hosts-share-deployments.md
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/messaging/kafka.h"

namespace outrigger::companion {

// The shard of a deployment: FNV-1a of its id, modulo messaging::kShards.
int ShardOf(std::string_view deployment);

// The transactional id of a slot.
std::string TransactionalIdOf(const std::string& slot);

struct Claim {
  enum class State { kClaimed, kSettled, kReleased };
  State state = State::kClaimed;
  std::string slot, instance;
  std::set<std::string> before = {};  // slots that may have run it when it was claimed
  std::int64_t seen = 0;  // the offset up to which claims were read before it was claimed
};
using ClaimLog = std::vector<std::pair<std::int64_t, Claim>>;  // of one shard, by offset

// Errors: kCorrupt.
Result<Claim> ReadClaim(const std::string& json);
std::string WriteClaim(const Claim& claim);

// Slots that may run a shard after these claims.
std::set<std::string> MayRun(const ClaimLog& claims);

class ShardClaims {
 public:
  ShardClaims(messaging::KafkaOptions kafka, std::string slot, std::string instance);

  // One attempt to take shards; the ones that are held now. Others were claimed by somebody else
  // meanwhile. Errors: any of the producer's or Kafka's; nothing is held that was not before.
  Result<std::set<int>> Take(messaging::TransactionalProducer& producer,
                             const std::set<int>& shards);
  // Requires: nothing of their deployments runs or waits to be written.
  Result<> Release(messaging::TransactionalProducer& producer, const std::set<int>& shards);

  // Whether another process has claimed something that we hold. Errors: it cannot be read now.
  Result<bool> Replaced();

 private:
  struct Log {
    ClaimLog claims;
    std::int64_t end = 0;
  };
  Result<std::map<int, Log>> Read(const std::set<int>& shards);
  Result<> Write(messaging::TransactionalProducer& producer,
                 const std::map<int, Claim>& claims) const;
  Result<> Fence(const std::set<std::string>& slots) const;

  const messaging::KafkaOptions kafka_;
  const std::string slot_, instance_;
  std::map<int, std::int64_t> held_;  // offset from which all claims of a shard are ours
  std::unique_ptr<messaging::Admin> admin_;
};

}  // namespace outrigger::companion
