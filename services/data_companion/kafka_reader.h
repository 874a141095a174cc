// SPDX-License-Identifier: Apache-2.0
// KafkaReader: the one consumer of a host: feeds of all companions, control and journal of all
// tenants, so that a model costs no Kafka client and no thread.
//
// Records are decoded on the reader's thread and delivered on the event loop. When the loop falls
// behind, reading waits.
//
// Threads:  Open(), Close(), Pause(), Resume(), Ends() on the event loop.
// Lifetime: Stop() before the event loop goes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <variant>

#include "data_companion/event_loop.h"
#include "data_companion/ports.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::companion {

class KafkaReader final : public FeedSource {
 public:
  struct RawSink {
    std::function<void(std::vector<messaging::Record>)> records;
    std::function<void(std::int64_t next)> end;
  };
  using TopicsSink = std::function<void(std::map<std::string, int>)>;

  // `topics` runs on the loop every second with all topics.
  KafkaReader(messaging::KafkaOptions kafka, EventLoop& loop, TopicsSink topics);
  ~KafkaReader() override;

  void Start();
  void Stop();
  bool Connected() const { return connected_; }

  void Open(const messaging::TopicPartition& at, std::int64_t from,
            std::shared_ptr<const std::vector<scoring::InputColumn>> columns, Sink sink) override;
  void OpenRaw(const messaging::TopicPartition& at, std::int64_t from, RawSink sink);
  void Close(const messaging::TopicPartition& at) override;
  void Pause(const messaging::TopicPartition& at) override;
  void Resume(const messaging::TopicPartition& at) override;
  void Ends(const std::string& topic,
            std::function<void(std::map<int, std::int64_t>)> done) override;
  // The same, with what is not committed (yet): who has read so far has all that was committed when
  // this was asked.
  void HighWatermarks(const std::string& topic,
                      std::function<void(std::map<int, std::int64_t>)> done);

 private:
  enum class Wish { kOpen, kClose, kPause, kResume };
  struct Command {
    Wish wish;
    messaging::TopicPartition at;
    std::int64_t from = 0;
    std::uint64_t generation = 0;
    std::shared_ptr<const std::vector<scoring::InputColumn>> columns = nullptr;  // null: raw
  };
  struct Reading {  // on the reader's thread
    std::uint64_t generation = 0;
    std::shared_ptr<const std::vector<scoring::InputColumn>> columns;
    std::int64_t next = 0;
    bool paused = false;
  };
  struct Chunk {  // of one partition, on its way to the loop
    messaging::TopicPartition at;
    std::uint64_t generation = 0;
    std::vector<FeedRecord> feed;
    std::vector<messaging::Record> raw;
    std::optional<std::int64_t> end;
  };
  struct Opened {  // on the loop
    std::uint64_t generation = 0;
    std::variant<Sink, RawSink> sink;
  };
  struct Question {
    std::string topic;
    std::function<void(std::map<int, std::int64_t>)> done;
    bool committed = true;
  };

  void Push(Command command);
  void Read(const std::stop_token& stop);
  void Obey();
  Result<> Reopen();
  std::vector<Chunk> Sort(messaging::Consumer::Batch batch);
  void Deliver(std::vector<Chunk> chunks);
  void Administer(const std::stop_token& stop);

  const messaging::KafkaOptions kafka_;
  EventLoop& loop_;
  const TopicsSink topics_;
  std::atomic<bool> connected_{false};

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Command> commands_;    // under mutex_
  std::vector<Question> questions_;  // under mutex_
  int under_way_ = 0;                // deliveries the loop has not had, under mutex_

  std::map<messaging::TopicPartition, Opened> opened_;    // on the loop
  std::uint64_t generations_ = 0;                         // on the loop
  std::map<messaging::TopicPartition, Reading> reading_;  // on the reader's thread
  std::unique_ptr<messaging::Consumer> consumer_;         // on the reader's thread
  std::jthread reader_, admin_;
};

}  // namespace outrigger::companion
