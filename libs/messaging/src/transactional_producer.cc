// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <mutex>
#include <set>

#include "consumer.h"
#include "outrigger/base/log.h"
#include "rdkafka_client.h"

namespace outrigger::messaging {
namespace {

using std::chrono::milliseconds;

// The first record that could not be delivered names the culprit in the error of Commit().
struct DeliveryFault {
  std::mutex mutex;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string first;
};

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (!message->err || message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
      message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    return;
  auto& fault = *static_cast<DeliveryFault*>(opaque);
  const std::lock_guard lock(fault.mutex);
  if (!fault.first.empty()) return;
  fault.code = message->err;
  fault.first =
      std::string(rd_kafka_topic_name(message->rkt)) + ": " + rd_kafka_err2str(message->err);
}

class KafkaTransactionalProducer final : public TransactionalProducer {
 public:
  ~KafkaTransactionalProducer() override {
    if (!client_) return;
    // An open transaction is left to the next owner of the id, who aborts it: aborting here could
    // wait for a broker that is gone.
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client_.get(), 100);
  }

  Result<> Start(const KafkaOptions& kafka, const std::string& id, milliseconds deadline) {
    ConfHandle conf = MakeConf(kafka, {
                                          {"transactional.id",                   id              },
                                          {"transaction.timeout.ms",             "10000"         },
                                          {"acks",                               "all"           },
                                          {"partitioner",                        "murmur2_random"},
                                          {"linger.ms",                          "5"             },
                                          {"message.timeout.ms",                 "10000"         },
                                          {"queue.buffering.max.messages",       "200000"        },
                                          {"queue.buffering.max.kbytes",         "262144"        },
                                          {"topic.metadata.refresh.interval.ms", "10000"         },
                                          {"retry.backoff.ms",                   "5"             },
                                          {"retry.backoff.max.ms",               "200"           }
    });
    rd_kafka_conf_set_dr_msg_cb(conf.get(), OnDelivery);
    rd_kafka_conf_set_opaque(conf.get(), &fault_);
    OR_ASSIGN(client_, MakeClient(RD_KAFKA_PRODUCER, std::move(conf)));
    const ErrorHandle error(rd_kafka_init_transactions(client_.get(), ToInt(deadline)));
    if (error) return Fault(error.get(), "take the transactional id " + id);
    return {};
  }

  Result<> Begin() override {
    rd_kafka_poll(client_.get(), 0);
    const ErrorHandle error(rd_kafka_begin_transaction(client_.get()));
    if (error) return Fault(error.get(), "begin a transaction");
    return {};
  }

  Result<> Send(const OutRecord& record) override {
    if (!known_.contains(record.topic) &&
        LearnTopic(client_.get(), record.topic, milliseconds(1'000)))
      known_.insert(record.topic);
    auto sent = Produce(client_.get(), record, nullptr);
    if (!sent && rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return FromKafka(rd_kafka_fatal_error(client_.get(), nullptr, 0), "send in a transaction");
    return sent;
  }

  Result<> SendOffsets(const std::map<TopicPartition, std::int64_t>& next,
                       Consumer& consumer) override {
    std::vector<TopicPartition> partitions;
    for (const auto& [at, offset] : next) partitions.push_back(at);
    const PartitionList list = ToList(partitions);
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = next.at(partitions[i]);
    auto* group = GroupMetadataOf(consumer);
    if (!group) return Error(ErrorCode::kConflict, "the consumer is in no group");
    const ErrorHandle error(
        rd_kafka_send_offsets_to_transaction(client_.get(), list.get(), group, 10'000));
    rd_kafka_consumer_group_metadata_destroy(group);
    if (error) return Fault(error.get(), "send offsets in a transaction");
    return {};
  }

  Result<> Commit(milliseconds deadline) override {
    const ErrorHandle error(rd_kafka_commit_transaction(client_.get(), ToInt(deadline)));
    if (error) return Fault(error.get(), "commit");
    return {};
  }

  Result<> Abort(milliseconds deadline) override {
    const ErrorHandle error(rd_kafka_abort_transaction(client_.get(), ToInt(deadline)));
    if (error) return Fault(error.get(), "abort");
    return {};
  }

 private:
  Error Fault(const rd_kafka_error_t* error, const std::string& what) {
    const std::lock_guard lock(fault_.mutex);
    if (fault_.first.empty()) return FromKafka(error, what);
    // The transaction's own code says only that a record failed, not that none like it can succeed.
    Error refused = FromKafka(fault_.code, what + " (" + fault_.first + ")");
    const bool blame =
        refused.code() == ErrorCode::kInvalidArgument || refused.code() == ErrorCode::kNotFound;
    if (blame && !rd_kafka_error_is_fatal(error)) return refused;
    return FromKafka(error, what + " (" + fault_.first + ")");
  }

  DeliveryFault fault_;
  std::set<std::string> known_;
  ClientHandle client_;
};

}  // namespace

Result<std::unique_ptr<TransactionalProducer>> TransactionalProducer::Make(
    const KafkaOptions& kafka, const std::string& transactional_id, milliseconds deadline) {
  auto producer = std::make_unique<KafkaTransactionalProducer>();
  OR_RETURN_IF_ERROR(producer->Start(kafka, transactional_id, deadline));
  return std::unique_ptr<TransactionalProducer>(std::move(producer));
}

}  // namespace outrigger::messaging
