// SPDX-License-Identifier: Apache-2.0
// Kafka: producers, consumers and administration with the settings that our promises need, so that
// no service sets one by itself.
//
// Threads:  producers and Admin may be used concurrently; a consumer belongs to one thread.
// Lifetime: destructors wait at most 5 s. Kafka gone is no error at construction: clients connect
// when they can. See also: docs/formats/topics.md, docs/adr/0007-kafka-clients.md
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/messaging/record.h"

namespace outrigger::messaging {

struct KafkaOptions {
  std::string brokers;    // "127.0.0.1:9092"
  std::string client_id;  // the service's name
};

// An idempotent producer: in order and without duplicates per partition, acks=all.
class Producer {
 public:
  struct Options {
    // How long a record may wait for its acknowledgement; 0: for ever (then nothing is ever given
    // up).
    std::chrono::milliseconds delivery_timeout{10'000};
    std::size_t max_queued = 100'000;
    std::chrono::milliseconds linger{1};
  };
  static Result<std::unique_ptr<Producer>> Make(const KafkaOptions& kafka, const Options& options);
  virtual ~Producer() = default;

  // Queues a copy of a record; `done` runs on the producer's own thread with partition and offset,
  // or the error, and must not block. kTimeout: outcome unknown. Errors: kResourceExhausted - the
  // queue is full (nothing was queued); kNotFound - no such topic.
  using Delivered = std::function<void(Result<std::pair<int, std::int64_t>>)>;
  virtual Result<> Send(const OutRecord& record, Delivered done) = 0;
  // Waits until everything queued is delivered or failed. Errors: kTimeout.
  virtual Result<> Flush(std::chrono::milliseconds deadline) = 0;
  // Whether a broker answered lately.
  virtual bool Connected() const = 0;
};

class Consumer;

// One transaction at a time. After any error but kResourceExhausted throw the object away: the
// outcome is unknown, and a late marker could land in the next transaction.
class TransactionalProducer {
 public:
  // Fences whoever had this id. Errors: kUnavailable, kTimeout.
  static Result<std::unique_ptr<TransactionalProducer>> Make(const KafkaOptions& kafka,
                                                             const std::string& transactional_id,
                                                             std::chrono::milliseconds deadline);
  virtual ~TransactionalProducer() = default;

  virtual Result<> Begin() = 0;
  // Errors: kResourceExhausted - the queue is full: commit, then go on; kInvalidArgument - as in
  // Commit().
  virtual Result<> Send(const OutRecord& record) = 0;
  // The group offsets of `consumer` become part of this transaction (offset = next one to read).
  virtual Result<> SendOffsets(const std::map<TopicPartition, std::int64_t>& next,
                               Consumer& consumer) = 0;
  // Errors: kConflict - fenced: another one took this id, stop; kInvalidArgument - a record can
  // never be taken as it is (too large), nothing was written; kNotFound - the same, its topic is
  // unknown; anything else - outcome unknown or aborted, read back.
  virtual Result<> Commit(std::chrono::milliseconds deadline) = 0;
  virtual Result<> Abort(std::chrono::milliseconds deadline) = 0;
};

// What Poll() returns: a record, or the end of a partition (the end-of-partition event). The end is
// the last stable offset: what was committed behind a transaction of somebody else that is still
// open was not returned. Who needs all that was committed compares with Admin::HighWatermarks().
struct EndOfPartition {
  TopicPartition at;
  std::int64_t next = 0;
};

class Consumer {
 public:
  struct Options {
    std::string group;     // empty: by assignment only, no group
    std::string instance;  // group.instance.id: quick take-over after a restart; may be empty
    std::size_t queued_bytes = 8 << 20;
    bool from_beginning = true;  // where there is no committed offset
    // Only partitions that move are revoked when the group shares them out anew; all of its members
    // must say the same.
    bool cooperative = false;
    std::chrono::milliseconds metadata_refresh{1'000};
    std::chrono::milliseconds session_timeout{6'000};
  };
  struct Batch {
    std::vector<Record> records;
    std::vector<EndOfPartition> ends;
  };
  // Always read_committed, without automatic commits or offset store.
  static Result<std::unique_ptr<Consumer>> Make(const KafkaOptions& kafka, const Options& options);
  virtual ~Consumer() = default;

  // Group reading. A topic that begins with ^ is a pattern. `assigned` and `revoked` run inside
  // Poll(); a cooperative member is told what came and what goes, others the whole.
  using Rebalance = std::function<void(const std::vector<TopicPartition>&)>;
  virtual Result<> Subscribe(const std::vector<std::string>& topics, Rebalance assigned,
                             Rebalance revoked) = 0;

  // Reading without group: replaces the whole assignment; offsets below 0: kBeginning, kEnd.
  // Partitions that were there before with the same offset argument kKeep go on where they are.
  static constexpr std::int64_t kBeginning = -2, kEnd = -1, kKeep = -1000;
  virtual Result<> Assign(const std::map<TopicPartition, std::int64_t>& from) = 0;

  // Waits at most `wait` for the first record, then takes what is there, at most `max` records.
  // Errors of single partitions are retried inside and logged; an error here is fatal for the
  // object.
  virtual Result<Batch> Poll(std::chrono::milliseconds wait, std::size_t max = 1'000) = 0;

  virtual Result<> Seek(const TopicPartition& at, std::int64_t offset) = 0;
  virtual Result<> Pause(const std::vector<TopicPartition>& partitions) = 0;
  virtual Result<> Resume(const std::vector<TopicPartition>& partitions) = 0;
  virtual std::vector<TopicPartition> Assignment() const = 0;
  // Within `revoked`: the group has given the partitions away already, nobody waits for us.
  virtual bool AssignmentLost() const = 0;
  // Commits group offsets (next to read) synchronously. Errors: kUnavailable, kTimeout, kConflict
  // (lost the partition).
  virtual Result<> Commit(const std::map<TopicPartition, std::int64_t>& next) = 0;
};

struct TopicSpec {
  std::string name;
  int partitions = 1;
  std::map<std::string, std::string> config;  // cleanup.policy, retention.ms …
};

class Admin {
 public:
  static Result<std::unique_ptr<Admin>> Make(const KafkaOptions& kafka);
  virtual ~Admin() = default;

  // Idempotent: a topic that is there already is success. Returns when every broker's metadata
  // shows it.
  virtual Result<> CreateTopics(std::span<const TopicSpec> topics,
                                std::chrono::milliseconds deadline) = 0;
  // Idempotent. Returns when the topic is gone from the metadata.
  virtual Result<> DeleteTopic(const std::string& topic, std::chrono::milliseconds deadline) = 0;
  // Every topic with its number of partitions.
  virtual Result<std::map<std::string, int>> Topics(std::chrono::milliseconds deadline) = 0;
  // Offset after the last record (last stable offset) of each partition of a topic.
  virtual Result<std::map<int, std::int64_t>> EndOffsets(const std::string& topic,
                                                         std::chrono::milliseconds deadline) = 0;
  // Offset after the last record of each partition, committed or not.
  virtual Result<std::map<int, std::int64_t>> HighWatermarks(
      const std::string& topic, std::chrono::milliseconds deadline) = 0;
  // Committed group offsets of a topic; partitions without one are absent. Waits for a transaction
  // that has not decided them yet.
  virtual Result<std::map<int, std::int64_t>> CommittedOffsets(
      const std::string& group, const std::string& topic, std::chrono::milliseconds deadline) = 0;
  // First offset at or after an arrival time, for each partition; the end where there is none.
  virtual Result<std::map<int, std::int64_t>> OffsetsAt(const std::string& topic, ArrivalTime time,
                                                        std::chrono::milliseconds deadline) = 0;
};

// What hosts of companions share out among them: each deployment belongs to one of these
// partitions.
inline constexpr auto kShardTopic = "companion-shards";
inline constexpr int kShards = 32;

// The topics of the platform and of a tenant, with partitions and settings as
// docs/formats/topics.md says.
std::vector<TopicSpec> PlatformTopics();
std::vector<TopicSpec> TenantTopics(const std::string& tenant);
TopicSpec FeedTopic(const std::string& tenant, const std::string& model,
                    const std::string& deployment, int partitions,
                    std::chrono::milliseconds retention);

}  // namespace outrigger::messaging
