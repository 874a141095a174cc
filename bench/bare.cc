// SPDX-License-Identifier: Apache-2.0
// The floor under a companion: librdkafka and sockets, nothing else.
//
// bench_bare score BROKERS IN OUT JOURNAL PORT FLIGHT beginning|end: consumes IN, posts each record
// to the model with FLIGHT requests on their way, writes the replies to OUT and its progress to
// JOURNAL in one transaction, which is committed when drained or after 100 ms. Runs until it is
// ended. bench_bare consume BROKERS IN COUNT: only consumes; prints {"per_second"} once COUNT have
// come.
#include <librdkafka/rdkafka.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <format>
#include <initializer_list>
#include <utility>
#include <vector>

#include "wire.h"

namespace {

using namespace outrigger::bench;
using SteadyClock = std::chrono::steady_clock;
using Settings = std::initializer_list<std::pair<const char*, std::string>>;

constexpr int kPartition = 0, kBatch = 1000, kDeadlineMs = 10'000;
constexpr std::chrono::milliseconds kCommitAfter{100};

rd_kafka_t* Client(rd_kafka_type_t type, Settings settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char why[512];
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) Die(why);
  rd_kafka_t* client = rd_kafka_new(type, conf, why, sizeof why);
  if (client == nullptr) Die(why);
  return client;
}

rd_kafka_t* Consume(const std::string& brokers, const char* topic, bool from_beginning) {
  rd_kafka_t* consumer = Client(RD_KAFKA_CONSUMER, {
                                                       {"bootstrap.servers",      brokers         },
                                                       {"group.id",               "bench-bare"    },
                                                       {"enable.auto.commit",     "false"         },
                                                       {"isolation.level",        "read_committed"},
                                                       {"socket.nagle.disable",   "true"          },
                                                       {"fetch.error.backoff.ms", "5"             }
  });
  rd_kafka_poll_set_consumer(consumer);
  auto* partitions = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(partitions, topic, kPartition)->offset =
      from_beginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  if (rd_kafka_assign(consumer, partitions) != RD_KAFKA_RESP_ERR_NO_ERROR) Die("cannot assign");
  rd_kafka_topic_partition_list_destroy(partitions);
  return consumer;
}

void Check(rd_kafka_error_t* error) {
  if (error != nullptr) Die(rd_kafka_error_string(error));
}

class Loop {
 public:
  Loop(char** argv)
      : out_(argv[4]),
        journal_(argv[5]),
        consumer_(Consume(argv[2], argv[3], std::string_view(argv[8]) == "beginning")),
        queue_(rd_kafka_queue_get_consumer(consumer_)),
        producer_(Client(RD_KAFKA_PRODUCER,
                         {
                             {"bootstrap.servers", argv[2]},
                             {"transactional.id", std::format("bench-bare-{}", argv[3])},
                             {"linger.ms", "5"},
                             {"retry.backoff.ms", "5"},
                             {"socket.nagle.disable", "true"}
  })) {
    Check(rd_kafka_init_transactions(producer_, kDeadlineMs));
    poll_ = ::epoll_create1(0);
    for (int i = 0; i < std::atoi(argv[7]); ++i) {
      calls_.push_back({Connect(std::atoi(argv[6])), nullptr, {}});
      epoll_event event{.events = EPOLLIN, .data = {.u64 = calls_.size() - 1}};
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, calls_.back().fd, &event);
      free_.push_back(calls_.size() - 1);
    }
    wake_ = ::eventfd(0, EFD_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kWake}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, wake_, &event);
    const std::uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue_, wake_, &one, sizeof one);
  }

  [[noreturn]] void Run() {
    while (true) {
      if (waiting_.empty()) Fetch();
      const bool late = open_ && SteadyClock::now() - began_ > kCommitAfter;
      while (!late && !waiting_.empty() && !free_.empty()) Post();
      if (free_.size() == calls_.size()) {
        if (open_ && (late || waiting_.empty())) Commit();
        if (!waiting_.empty()) continue;
      }
      Await();
    }
  }

 private:
  struct Call {
    int fd;
    rd_kafka_message_t* record;
    std::string got;
  };
  static constexpr std::uint64_t kWake = ~0ULL;

  void Fetch() {
    rd_kafka_message_t* batch[kBatch];
    const ssize_t count = rd_kafka_consume_batch_queue(queue_, 0, batch, kBatch);
    for (ssize_t i = 0; i < count; ++i) {
      if (batch[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) Die(rd_kafka_message_errstr(batch[i]));
      waiting_.push_back(batch[i]);
    }
  }

  void Post() {
    if (!std::exchange(open_, true)) {
      Check(rd_kafka_begin_transaction(producer_));
      began_ = SteadyClock::now();
    }
    Call& call = calls_[free_.back()];
    free_.pop_back();
    call.record = waiting_.front();
    waiting_.pop_front();
    const std::string_view body(static_cast<const char*>(call.record->payload), call.record->len);
    SendAll(call.fd, std::format("POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                                 "application/json\r\nContent-Length: {}\r\n\r\n{}",
                                 body.size(), body));
  }

  void Await() {
    epoll_event events[64];
    const int ready = ::epoll_wait(poll_, events, 64, 100);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.u64 == kWake) {
        std::uint64_t count = 0;
        (void)!::read(wake_, &count, sizeof count);
      } else {
        Receive(events[i].data.u64);
      }
    }
  }

  void Receive(std::size_t number) {
    Call& call = calls_[number];
    char block[16384];
    const ssize_t read = ::recv(call.fd, block, sizeof block, 0);
    if (read <= 0) Die("the model closed a connection");
    call.got.append(block, static_cast<std::size_t>(read));
    const Message message = FindMessage(call.got);
    if (message.end == 0) return;
    if (!call.got.starts_with("HTTP/1.1 200")) Die("the model refused a record");
    Produce(out_.c_str(), call.record->key, call.record->key_len, call.got.data() + message.body,
            message.end - message.body);
    next_ = std::max(next_, call.record->offset + 1);
    rd_kafka_message_destroy(call.record);
    call.got.clear();
    free_.push_back(number);
  }

  void Produce(const char* topic, const void* key, std::size_t key_size, const void* value,
               std::size_t size) {
    const auto error = rd_kafka_producev(
        producer_, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, key_size),
        RD_KAFKA_V_VALUE(const_cast<void*>(value), size),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) Die(rd_kafka_err2str(error));
  }

  void Commit() {
    const std::string progress = std::format(R"({{"next":{}}})", next_);
    Produce(journal_.c_str(), "progress", 8, progress.data(), progress.size());
    Check(rd_kafka_commit_transaction(producer_, kDeadlineMs));
    open_ = false;
  }

  std::string out_, journal_;
  rd_kafka_t* consumer_;
  rd_kafka_queue_t* queue_;
  rd_kafka_t* producer_;
  int poll_ = -1, wake_ = -1;
  std::vector<Call> calls_;
  std::vector<std::size_t> free_;
  std::deque<rd_kafka_message_t*> waiting_;
  std::int64_t next_ = 0;
  bool open_ = false;
  SteadyClock::time_point began_;
};

void Count(const std::string& brokers, const char* topic, std::int64_t count) {
  rd_kafka_t* consumer = Consume(brokers, topic, true);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  std::int64_t seen = 0, first = 0;
  SteadyClock::time_point began;
  while (seen < count) {
    rd_kafka_message_t* batch[kBatch];
    const ssize_t got = rd_kafka_consume_batch_queue(queue, kDeadlineMs, batch, kBatch);
    if (got <= 0) Die("no more records: were as many written?");
    if (seen == 0) began = SteadyClock::now(), first = got;
    seen += got;
    for (ssize_t i = 0; i < got; ++i) rd_kafka_message_destroy(batch[i]);
  }
  const std::chrono::duration<double> took = SteadyClock::now() - began;
  std::printf("{\"per_second\": %.0f}\n", static_cast<double>(seen - first) / took.count());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "score" && argc == 9) Loop(argv).Run();
  if (verb != "consume" || argc != 5) Die("usage: see the head of bench/bare.cc");
  Count(argv[2], argv[3], std::atoll(argv[4]));
}
