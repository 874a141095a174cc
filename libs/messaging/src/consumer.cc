// SPDX-License-Identifier: Apache-2.0
#include "consumer.h"

#include <algorithm>
#include <optional>
#include <set>

#include "outrigger/base/log.h"

namespace outrigger::messaging {
namespace {

using std::chrono::milliseconds;
constexpr int kSeekWaitMs = 5'000;
constexpr int kCommitAttempts = 2;
constexpr milliseconds kLearnWait{500};

std::int64_t ToKafka(std::int64_t offset) {
  if (offset == Consumer::kBeginning) return RD_KAFKA_OFFSET_BEGINNING;
  if (offset == Consumer::kEnd) return RD_KAFKA_OFFSET_END;
  return offset;
}

class KafkaConsumer final : public Consumer {
 public:
  ~KafkaConsumer() override {
    if (!client_) return;
    assigned_ = revoked_ = nullptr;
    rd_kafka_consumer_close(client_.get());
  }

  Result<> Start(const KafkaOptions& kafka, const Options& options) {
    grouped_ = !options.group.empty();
    cooperative_ = options.cooperative;
    rejoin_ = !options.instance.empty();
    const auto session = options.session_timeout.count();
    ConfHandle conf = MakeConf(
        kafka,
        {
            // librdkafka assigns only with a group id; it joins none until it subscribes.
            {"group.id", grouped_ ? options.group : "outrigger-by-assignment"},
            {"group.instance.id", options.instance},
            {"partition.assignment.strategy", options.cooperative ? "cooperative-sticky" : "range"},
            {"session.timeout.ms", std::to_string(session)},
            {"heartbeat.interval.ms", std::to_string(std::max<std::int64_t>(session / 6, 100))},
            {"enable.auto.commit", "false"},
            {"enable.auto.offset.store", "false"},
            {"isolation.level", "read_committed"},
            {"enable.partition.eof", "true"},
            {"auto.offset.reset", options.from_beginning ? "earliest" : "latest"},
            // A partition that is assigned or resumed waits for the fetch that is under way.
            {"fetch.wait.max.ms", "50"},
            {"fetch.error.backoff.ms", "50"},
            {"fetch.queue.backoff.ms", "10"},
            {"fetch.message.max.bytes", "262144"},
            {"fetch.max.bytes", std::to_string(kMaxMessageBytes)},
            {"queued.min.messages", "10000"},
            {"queued.max.messages.kbytes",
             std::to_string(std::max<std::size_t>(options.queued_bytes >> 10, 64))},
            {"topic.metadata.refresh.interval.ms",
             std::to_string(options.metadata_refresh.count())}
    });
    rd_kafka_conf_set_rebalance_cb(conf.get(), OnRebalance);
    rd_kafka_conf_set_opaque(conf.get(), this);
    OR_ASSIGN(client_, MakeClient(RD_KAFKA_CONSUMER, std::move(conf)));
    rd_kafka_poll_set_consumer(client_.get());
    return {};
  }

  Result<> Subscribe(const std::vector<std::string>& topics, Rebalance assigned,
                     Rebalance revoked) override {
    if (!grouped_) return Error(ErrorCode::kInvalidArgument, "a consumer without group subscribes");
    assigned_ = std::move(assigned);
    revoked_ = std::move(revoked);
    topics_ = topics;
    return Join();
  }

  Result<> Assign(const std::map<TopicPartition, std::int64_t>& from) override {
    const PartitionList gone(rd_kafka_topic_partition_list_new(0));
    const PartitionList fresh(rd_kafka_topic_partition_list_new(0));
    for (const auto& at : assignment_) {
      const auto wanted = from.find(at);
      if (wanted == from.end() || wanted->second != kKeep)
        rd_kafka_topic_partition_list_add(gone.get(), at.topic.c_str(), at.partition);
    }
    std::vector<TopicPartition> now;
    for (const auto& [at, offset] : from) {
      const bool there = std::ranges::find(assignment_, at) != assignment_.end();
      now.push_back(at);
      if (there && offset == kKeep) continue;
      rd_kafka_topic_partition_list_add(fresh.get(), at.topic.c_str(), at.partition)->offset =
          ToKafka(offset == kKeep ? kBeginning : offset);
    }
    LearnTopics(fresh.get());
    if (gone->cnt > 0) {
      const ErrorHandle error(rd_kafka_incremental_unassign(client_.get(), gone.get()));
      if (error) return FromKafka(error.get(), "unassign");
    }
    assignment_ = std::move(now);
    if (fresh->cnt == 0) return {};
    const ErrorHandle error(rd_kafka_incremental_assign(client_.get(), fresh.get()));
    if (error) return FromKafka(error.get(), "assign");
    return {};
  }

  Result<Batch> Poll(milliseconds wait, std::size_t max) override {
    if (rejoin_ && joined_) {
      rejoin_ = false;
      OR_RETURN_IF_ERROR(Join());
    }
    Batch batch;
    int patience = ToInt(wait);
    const auto until = SystemClock().Now() + wait;
    while (batch.records.size() < max) {
      const MessageHandle message(rd_kafka_consumer_poll(client_.get(), patience));
      if (!message) {
        if (patience == 0 || MillisLeft(until) == 0) break;
        continue;  // a callback ran
      }
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        batch.records.push_back(ToRecord(*message));
      } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        batch.ends.push_back({
            {rd_kafka_topic_name(message->rkt), message->partition},
            message->offset
        });
      } else if (auto fault = Judge(*message); !fault) {
        return fault.error();
      } else {
        patience = MillisLeft(until);
        if (patience == 0) break;
        continue;
      }
      patience = 0;  // something came: take what is there, wait no more
    }
    return batch;
  }

  Result<> Seek(const TopicPartition& at, std::int64_t offset) override {
    if (starting_) {  // within `assigned`: begin there at once
      auto* item = rd_kafka_topic_partition_list_find(starting_, at.topic.c_str(), at.partition);
      if (!item) return Error(ErrorCode::kNotFound, "seek in a partition that is not assigned");
      item->offset = ToKafka(offset);
      return {};
    }
    const PartitionList list = ToList({at});
    list->elems[0].offset = ToKafka(offset);
    const ErrorHandle error(rd_kafka_seek_partitions(client_.get(), list.get(), kSeekWaitMs));
    if (error) return FromKafka(error.get(), "seek");
    if (list->elems[0].err) return FromKafka(list->elems[0].err, "seek in " + at.topic);
    return {};
  }

  Result<> Pause(const std::vector<TopicPartition>& partitions) override {
    if (starting_) {
      paused_at_start_.insert(paused_at_start_.end(), partitions.begin(), partitions.end());
      return {};
    }
    const PartitionList list = ToList(partitions);
    if (const auto error = rd_kafka_pause_partitions(client_.get(), list.get()))
      return FromKafka(error, "pause");
    return {};
  }

  Result<> Resume(const std::vector<TopicPartition>& partitions) override {
    const PartitionList list = ToList(partitions);
    if (const auto error = rd_kafka_resume_partitions(client_.get(), list.get()))
      return FromKafka(error, "resume");
    return {};
  }

  std::vector<TopicPartition> Assignment() const override {
    if (!grouped_) return assignment_;
    rd_kafka_topic_partition_list_t* found = nullptr;
    if (rd_kafka_assignment(client_.get(), &found)) return {};
    const PartitionList list(found);
    return FromList(list.get());
  }

  bool AssignmentLost() const override { return rd_kafka_assignment_lost(client_.get()) != 0; }

  Result<> Commit(const std::map<TopicPartition, std::int64_t>& next) override {
    if (next.empty()) return {};
    std::vector<TopicPartition> partitions;
    for (const auto& [at, offset] : next) partitions.push_back(at);
    rd_kafka_resp_err_t error{};
    for (int attempt = 0; attempt < kCommitAttempts; ++attempt) {
      const PartitionList list = ToList(partitions);
      for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = next.at(partitions[i]);
      error = rd_kafka_commit(client_.get(), list.get(), 0);
      for (int i = 0; !error && i < list->cnt; ++i) error = list->elems[i].err;
      if (error != RD_KAFKA_RESP_ERR__WAIT_COORD) break;
    }
    if (error) return FromKafka(error, "commit of offsets");
    return {};
  }

  rd_kafka_consumer_group_metadata_t* group_metadata() {
    return grouped_ ? rd_kafka_consumer_group_metadata(client_.get()) : nullptr;
  }

 private:
  Result<> Join() {
    const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics_.size())));
    for (const auto& topic : topics_)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    if (const auto error = rd_kafka_subscribe(client_.get(), list.get()))
      return FromKafka(error, "subscribe");
    return {};
  }

  static void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    static_cast<KafkaConsumer*>(opaque)->Rebalanced(client, code, partitions);
  }

  void Rebalanced(rd_kafka_t* client, rd_kafka_resp_err_t code,
                  rd_kafka_topic_partition_list_t* partitions) {
    const auto changed = FromList(partitions);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      joined_ = true;
      starting_ = partitions;
      if (assigned_) assigned_(changed);
      starting_ = nullptr;
      Change(client, partitions, rd_kafka_incremental_assign);
      if (!paused_at_start_.empty()) (void)Pause(std::exchange(paused_at_start_, {}));
      return;
    }
    if (revoked_) revoked_(changed);
    Change(client, cooperative_ ? partitions : nullptr, rd_kafka_incremental_unassign);
  }

  using Incremental = decltype(&rd_kafka_incremental_assign);
  void Change(rd_kafka_t* client, const rd_kafka_topic_partition_list_t* partitions,
              Incremental incremental) const {
    if (!cooperative_) {
      rd_kafka_assign(client, partitions);
      return;
    }
    const ErrorHandle error(incremental(client, partitions));
    if (error) LogWarning("partitions of a group", {FromKafka(error.get(), "assign or unassign")});
  }

  // Asks for the leaders of topics that are new here; ends where nobody answers.
  void LearnTopics(const rd_kafka_topic_partition_list_t* fresh) {
    for (int i = 0; i < fresh->cnt; ++i) {
      if (known_.contains(fresh->elems[i].topic)) continue;
      if (!LearnTopic(client_.get(), fresh->elems[i].topic, kLearnWait)) return;
      known_.insert(fresh->elems[i].topic);
    }
  }

  // An error event of the client: fatal, or worth a line and tried again inside.
  Result<> Judge(const rd_kafka_message_t& message) {
    if (const auto fatal = rd_kafka_fatal_error(client_.get(), nullptr, 0))
      return FromKafka(fatal, "read from Kafka");
    // A topic that is not there (yet, or any more) is said at every refresh.
    Log(message.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? LogLevel::kDebug
                                                               : LogLevel::kWarning,
        "kafka consumer",
        {
            {"topic", message.rkt ? rd_kafka_topic_name(message.rkt) : ""},
            {"error", rd_kafka_err2name(message.err)                     }
    });
    return {};
  }

  bool grouped_ = false;
  bool cooperative_ = false;
  bool joined_ = false;
  // A static member that comes back is given what it had, without the topics and partitions made
  // while it was away (KAFKA-12759, KAFKA-13435). Joining again as a member the group knows, it has
  // everything shared out anew.
  bool rejoin_ = false;
  std::vector<std::string> topics_;
  Rebalance assigned_, revoked_;
  rd_kafka_topic_partition_list_t* starting_ = nullptr;  // set while `assigned` runs
  std::vector<TopicPartition> paused_at_start_;
  std::vector<TopicPartition> assignment_;  // without group
  std::set<std::string> known_;             // topics whose leaders were asked for
  ClientHandle client_;
};

}  // namespace

rd_kafka_consumer_group_metadata_t* GroupMetadataOf(Consumer& consumer) {
  auto* kafka = dynamic_cast<KafkaConsumer*>(&consumer);
  return kafka ? kafka->group_metadata() : nullptr;
}

Result<std::unique_ptr<Consumer>> Consumer::Make(const KafkaOptions& kafka,
                                                 const Options& options) {
  auto consumer = std::make_unique<KafkaConsumer>();
  OR_RETURN_IF_ERROR(consumer->Start(kafka, options));
  return std::unique_ptr<Consumer>(std::move(consumer));
}

}  // namespace outrigger::messaging
