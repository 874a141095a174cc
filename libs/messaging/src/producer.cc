// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <thread>

#include "outrigger/base/log.h"
#include "rdkafka_client.h"

namespace outrigger::messaging {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kServe{20};          // one turn of the thread
constexpr milliseconds kProbeEvery{2'000};  // a look at the brokers when nothing else shows them
constexpr milliseconds kProbeWait{500};
constexpr milliseconds kCloseWait{5'000};

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  const std::unique_ptr<Producer::Delivered> done(
      static_cast<Producer::Delivered*>(message->_private));
  if (!done || !*done) return;
  if (message->err)
    (*done)(
        FromKafka(message->err, std::string("delivery to ") + rd_kafka_topic_name(message->rkt)));
  else
    (*done)(std::pair{static_cast<int>(message->partition), message->offset});
}

class KafkaProducer final : public Producer {
 public:
  KafkaProducer(KafkaOptions kafka, const Options& options)
      : kafka_(std::move(kafka)), options_(options) {}

  ~KafkaProducer() override {
    (void)Flush(kCloseWait);
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    if (client_) Discard();
  }

  Result<> Start() {
    OR_RETURN_IF_ERROR(Open());
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
    return {};
  }

  Result<> Send(const OutRecord& record, Delivered done) override {
    const std::shared_lock lock(mutex_);
    if (!client_) return Error(ErrorCode::kUnavailable, "the Kafka client is being made anew");
    {
      const std::lock_guard topics_lock(topics_mutex_);
      if (topics_.insert(record.topic).second) unknown_.push_back(record.topic);
    }
    auto opaque = std::make_unique<Delivered>(std::move(done));
    OR_RETURN_IF_ERROR(Produce(client_.get(), record, opaque.get()));
    (void)opaque.release();  // OnDelivery owns it now, and `record` may be gone
    return {};
  }

  Result<> Flush(milliseconds deadline) override {
    const auto until = SystemClock().Now() + deadline;
    for (;;) {
      {
        const std::shared_lock lock(mutex_);
        if (!client_ || rd_kafka_outq_len(client_.get()) == 0) return {};
        const int wait = std::min(MillisLeft(until), 50);
        if (rd_kafka_flush(client_.get(), wait) == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
      }
      if (MillisLeft(until) == 0)
        return Error(ErrorCode::kTimeout, "records are still on their way to Kafka");
    }
  }

  bool Connected() const override { return connected_; }

 private:
  Result<> Open() {
    ConfHandle conf = MakeConf(
        kafka_, {
                    {"enable.idempotence",                 "true"                                           },
                    {"acks",                               "all"                                            },
                    {"partitioner",                        "murmur2_random"                                 },
                    {"linger.ms",                          std::to_string(options_.linger.count())          },
                    {"message.timeout.ms",                 std::to_string(options_.delivery_timeout.count())},
                    {"queue.buffering.max.messages",       std::to_string(options_.max_queued)              },
                    {"queue.buffering.max.kbytes",         "262144"                                         },
                    {"topic.metadata.refresh.interval.ms", "10000"                                          },
                    {"retry.backoff.ms",                   "20"                                             },
                    {"retry.backoff.max.ms",               "1000"                                           }
    });
    rd_kafka_conf_set_dr_msg_cb(conf.get(), OnDelivery);
    OR_ASSIGN(client_, MakeClient(RD_KAFKA_PRODUCER, std::move(conf)));
    return {};
  }

  // Everything still queued is told kCancelled.
  void Discard() {
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client_.get(), 1'000);
    client_.reset();
  }

  void Serve(const std::stop_token& stop) {
    auto probed = SystemClock().Now() - kProbeEvery;
    while (!stop.stop_requested()) {
      LearnTopics();
      rd_kafka_poll(client_.get(), ToInt(kServe));
      if (rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        LogError("kafka producer is made anew after a fatal error",
                 {
                     {"client", kafka_.client_id}
        });
        const std::unique_lock lock(mutex_);
        Discard();
        const Result<> opened = Open();
        OR_CHECK(opened.ok(), "the same settings made a client before");
      }
      if (const auto now = SystemClock().Now(); now - probed >= kProbeEvery) {
        connected_ = Probe();
        probed = connected_ ? now : now - kProbeEvery + kProbeWait;
      }
    }
  }

  // On the thread, so that nobody who sends waits for it.
  void LearnTopics() {
    std::vector<std::string> topics;
    {
      const std::lock_guard lock(topics_mutex_);
      topics.swap(unknown_);
    }
    for (const auto& topic : topics)
      if (!LearnTopic(client_.get(), topic, kProbeWait)) return;
  }

  bool Probe() {
    const rd_kafka_metadata_t* found = nullptr;
    const auto error = rd_kafka_metadata(client_.get(), 0, nullptr, &found, ToInt(kProbeWait));
    const MetadataHandle metadata(found);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  const KafkaOptions kafka_;
  const Options options_;
  std::shared_mutex mutex_;  // exclusive: client_ is replaced
  ClientHandle client_;
  std::mutex topics_mutex_;
  std::set<std::string> topics_;      // ever sent to, under topics_mutex_
  std::vector<std::string> unknown_;  // not asked for yet, under topics_mutex_
  std::atomic<bool> connected_{false};
  std::jthread thread_;
};

}  // namespace

Result<std::unique_ptr<Producer>> Producer::Make(const KafkaOptions& kafka,
                                                 const Options& options) {
  auto producer = std::make_unique<KafkaProducer>(kafka, options);
  OR_RETURN_IF_ERROR(producer->Start());
  return std::unique_ptr<Producer>(std::move(producer));
}

}  // namespace outrigger::messaging
