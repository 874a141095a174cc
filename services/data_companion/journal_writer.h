// SPDX-License-Identifier: Apache-2.0
// JournalWriter: the one transactional producer of a host slot: what it is given is committed
// whole, exactly once, whatever happens to producer and broker meanwhile.
//
// A transaction of unknown outcome is looked up in the journal before anything is written again.
// An id that was taken from us is taken back only if nobody has claimed what we hold: a broker
// takes it, too, from a process that slept for longer than a transaction may last.
//
// Threads:  a thread of its own; Commit(), Take(), Release(), SetFloor() on the event loop; answers
//           come there.
// Durable:  kCommitted means committed.
// See also: docs/adr/0007-kafka-clients.md, docs/adr/0015-hosts-share-deployments.md
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "data_companion/event_loop.h"
#include "data_companion/shard_claims.h"
#include "outrigger/base/metrics.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::companion {

// Records of several deployments that belong together; at least one goes to a journal.
struct Transaction {
  struct Part {
    std::string deployment;
    std::vector<messaging::OutRecord> records;
  };
  std::vector<Part> parts;
};

class JournalWriter {
 public:
  // Rejected: it failed twice though Kafka was there; nothing of it was committed.
  using Answer = std::function<void(Transaction transaction, Result<> committed)>;

  struct Events {
    std::function<void()> ready;   // nothing of an earlier owner of the slot is open any more
    std::function<void()> fenced;  // another process runs what we held: end at once
    Answer answer;
  };

  JournalWriter(messaging::KafkaOptions kafka, const std::string& slot, std::string instance,
                EventLoop& loop, Metrics& metrics, Events events);
  ~JournalWriter();

  void Start();
  // Gives up after what is under way, or at the deadline of a step (10 s at most).
  void Stop();

  bool busy() const { return busy_; }
  // Requires, each: not busy.
  void Commit(Transaction transaction);
  using Taken = std::function<void(Result<std::set<int>> shards)>;
  void Take(std::set<int> shards, Taken taken);
  void Release(std::set<int> shards, std::function<void(Result<>)> released);
  // Records of the journal below `offset` are older than this process.
  void SetFloor(const std::string& journal, std::int64_t offset);

 private:
  using Work = std::move_only_function<void(const std::stop_token&)>;
  void Begin(Work work);
  void Run(const std::stop_token& stop);
  bool MakeProducer(const std::stop_token& stop);
  // Takes the id again after an error. False: told to stop, or replaced.
  bool Regain(const std::stop_token& stop, const Error& error);
  bool MakeAdmin();
  void Write(const std::stop_token& stop, Transaction transaction);
  template <typename Value>
  void End(const std::stop_token& stop, Result<Value> outcome,
           std::function<void(Result<Value>)> answer);
  Result<> TryWrite(Transaction& transaction);
  // What the journal says of a transaction; nullopt: cannot be read now.
  std::optional<bool> ReadBack(const std::string& journal, const std::string& name);
  // The same until it can be read; nullopt: told to stop.
  std::optional<bool> ReadBackUntil(const std::stop_token& stop, const std::string& journal,
                                    const std::string& name);
  void RaiseFloors();

  const messaging::KafkaOptions kafka_;
  const std::string instance_, transactional_id_;
  EventLoop& loop_;
  const Events events_;
  Histogram& seconds_;
  Counter& failures_;

  bool busy_ = false;  // on the loop
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Work next_;                                   // under mutex_
  std::map<std::string, std::int64_t> floors_;  // under mutex_: where reading back begins

  std::unique_ptr<messaging::TransactionalProducer> producer_;  // on the thread, as all below
  std::unique_ptr<messaging::Admin> admin_;
  ShardClaims claims_;
  std::uint64_t written_ = 0;
  SteadyTime floors_raised_{};
  std::jthread thread_;
};

}  // namespace outrigger::companion
