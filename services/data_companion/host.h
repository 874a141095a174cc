// SPDX-License-Identifier: Apache-2.0
// Host: the companions of all tenants in one process: finds tenants by their topics, shares one
// consumer, HTTP clients and one transactional producer among their models.
//
// Hosts share deployments out among them, by shards: see shard_claims.h.
//
// A transaction holds what all companions have to say since the last one; the next begins when that
// is committed, so a lone output waits for nobody and a flood shares its commits.
//
// Threads:  Start(), Stop() on main's; all else on the event loop. ready_checks() from any.
// See also: dataplane, "Identity and exactly once"
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data_companion/event_loop.h"
#include "data_companion/journal_writer.h"
#include "data_companion/kafka_reader.h"
#include "data_companion/shard_membership.h"
#include "data_companion/shards.h"
#include "data_companion/tenant.h"
#include "outrigger/base/metrics.h"
#include "outrigger/http/admin.h"
#include "outrigger/http/client.h"

namespace outrigger::companion {

struct HostOptions {
  std::string brokers;
  std::string slot = "slot-0";
  http::EgressPolicy egress;
};

class Host {
 public:
  // `fenced` runs when another process has taken the slot: end the process at once.
  Host(HostOptions options, Clock& clock, Metrics& metrics, std::function<void()> fenced);
  ~Host();

  void Start();
  // No new requests; what is on its way may end and is committed, within `limit`.
  void Stop(Millis limit);

  std::vector<http::ReadyCheck> ready_checks() const;

 private:
  void FollowTenants();
  void DropTenants();
  void Tick();
  void Pump();
  void Answer(Transaction transaction, Result<> committed);
  Shards::Events ShardEvents();
  // All companions of this host, or those of them that are leaving it.
  enum class Which { kAll, kLeaving };
  void ForEach(Which which, const std::function<void(Companion&)>& visit);
  bool Resting(Which which);  // no calls, and nothing to write

  const HostOptions options_;
  Clock& clock_;
  Metrics& metrics_;
  const messaging::KafkaOptions kafka_;
  const std::string instance_;

  EventLoop loop_;
  http::Client http_;
  http::Client health_http_;
  JournalWriter writer_;
  KafkaReader reader_;
  Shards shards_;
  ShardMembership membership_;

  // On the loop.
  std::map<std::string, std::unique_ptr<Tenant>> tenants_;
  std::map<std::string, int> topics_;
  std::map<std::string, int> missed_;  // looks in a row that did not show a tenant's topic
  bool writer_ready_ = false;
  bool stopping_ = false;
  std::vector<Transaction> alone_;  // parts of a rejected transaction, to be written one by one
  std::string first_;               // whose turn comes first in the next transaction

  std::atomic<bool> producer_ready_{false};
  std::atomic<bool> topics_seen_{false};
  std::atomic<int> unread_{0};  // tenants whose journal or control is not read yet
};

}  // namespace outrigger::companion
