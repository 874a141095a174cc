// SPDX-License-Identifier: Apache-2.0
// Writes feed records and reads what became of them. Sample i has the event time FIRST + i and the
// asset a(i mod ASSETS).
//
// bench_flow BROKERS topics NAME...: makes topics of one partition.
// bench_flow BROKERS fill FEED COUNT FIRST ASSETS: writes COUNT records.
// bench_flow BROKERS drain OUT COUNT FIRST: prints "ready", reads until every sample has its
// output, then prints {"outputs", "per_second"}: outputs from the first one on. bench_flow BROKERS
// pace FEED OUT RATE SECONDS FIRST ASSETS: writes at a fixed rate, prints
// {"samples", "p50_ms", "p99_ms"} from acknowledged to readable.
#include <atomic>
#include <format>
#include <thread>

#include "outrigger/base/clock.h"
#include "outrigger/messaging/kafka.h"
#include "support.h"

namespace {

using namespace outrigger;
using namespace outrigger::bench;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto kMostWait = seconds{60};

messaging::OutRecord Sample(const std::string& feed, std::int64_t first, std::size_t i,
                            int assets) {
  const std::string asset = std::format("a{}", i % static_cast<std::size_t>(assets));
  const std::int64_t time = first + static_cast<std::int64_t>(i);
  return {
      .topic = feed,
      .partition = 0,
      .key = asset,
      .value = std::format(R"({{"subject":"{}","time":{},"values":{{"t":{}}}}})", asset, time,
                           20 + i % 7),
      .headers = {{"src", std::format("0:{}", time)}, {"rev", "1"}}
  };
}

class Reader {
 public:
  Reader(const messaging::KafkaOptions& kafka, const std::string& topic) {
    auto admin = Must(messaging::Admin::Make(kafka), "admin");
    partitions_ = Must(admin->Topics(seconds{10}), "topics").at(topic);
    consumer_ = Must(messaging::Consumer::Make(kafka, {}), "consumer");
    std::map<messaging::TopicPartition, std::int64_t> from;
    for (int p = 0; p < partitions_; ++p) from[{topic, p}] = messaging::Consumer::kEnd;
    Must(consumer_->Assign(from), "assign");
    std::size_t ended = 0;
    while (ended < static_cast<std::size_t>(partitions_))
      ended += Must(consumer_->Poll(milliseconds{50}), "poll").ends.size();
  }

  // Calls each(time) for what has come.
  template <typename Each>
  void Poll(std::int64_t first, Each each) {
    for (const auto& record : Must(consumer_->Poll(milliseconds{50}), "poll").records) {
      if (!record.value) continue;
      if (record.value->find("\"score\":[0.5") == std::string::npos) {
        std::fprintf(stderr, "bench: an output without its score: %s\n", record.value->c_str());
        std::exit(1);
      }
      for (const std::int64_t time : TimesIn(*record.value))
        if (time >= first) each(time);
    }
  }

 private:
  int partitions_ = 0;
  std::unique_ptr<messaging::Consumer> consumer_;
};

void Fill(const messaging::KafkaOptions& kafka, char** argv) {
  auto producer =
      Must(messaging::Producer::Make(kafka, {.delivery_timeout = seconds{60}}), "producer");
  const std::size_t count = std::strtoull(argv[4], nullptr, 10);
  for (std::size_t i = 0; i < count;) {
    auto sent =
        producer->Send(Sample(argv[3], std::atoll(argv[5]), i, std::atoi(argv[6])), nullptr);
    if (sent)
      ++i;
    else
      SleepFor(Millis{5});  // the queue is full
  }
  Must(producer->Flush(seconds{60}), "flush");
}

void Drain(const messaging::KafkaOptions& kafka, char** argv) {
  const std::size_t count = std::strtoull(argv[4], nullptr, 10);
  const std::int64_t first = std::atoll(argv[5]);
  Reader reader(kafka, argv[3]);
  std::puts("ready");
  std::fflush(stdout);
  std::vector<bool> seen(count);
  std::size_t outputs = 0, early = 0;
  SteadyTime began = steady_clock::now(), end = began;
  const auto deadline = began + kMostWait;
  while (outputs < count && steady_clock::now() < deadline) {
    const std::size_t before = outputs;
    reader.Poll(first, [&](std::int64_t time) {
      const auto i = static_cast<std::size_t>(time - first);
      if (i >= count || seen[i]) {
        std::fprintf(stderr, "bench: an output twice, or of no sample: %zu\n", i);
        std::exit(1);
      }
      seen[i] = true;
      ++outputs;
    });
    if (outputs == before) continue;
    end = steady_clock::now();
    if (before == 0) began = end, early = outputs;
  }
  if (outputs < count) {
    std::fprintf(stderr, "bench: %zu of %zu outputs after two minutes\n", outputs, count);
    std::exit(1);
  }
  const std::chrono::duration<double> took = end - began;
  std::printf("{\"outputs\": %zu, \"per_second\": %.0f}\n", outputs,
              static_cast<double>(outputs - early) / std::max(took.count(), 1e-3));
}

void Pace(const messaging::KafkaOptions& kafka, char** argv) {
  const double rate = std::atof(argv[5]);
  const auto count = static_cast<std::size_t>(rate * std::atof(argv[6]));
  const std::int64_t first = std::atoll(argv[7]);
  Times times;
  std::atomic<bool> ready = false;
  std::jthread reading([&](const std::stop_token& stop) {
    Reader reader(kafka, argv[4]);
    ready = true;
    while (!stop.stop_requested()) reader.Poll(first, [&](std::int64_t time) { times.Read(time); });
  });
  while (!ready) SleepFor(Millis{5});
  auto producer = Must(messaging::Producer::Make(kafka, {}), "producer");
  const auto began = steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(
        began + std::chrono::duration_cast<steady_clock::duration>(
                    std::chrono::duration<double>(static_cast<double>(i) / rate)));
    const std::int64_t time = first + static_cast<std::int64_t>(i);
    Must(producer->Send(Sample(argv[3], first, i, std::atoi(argv[8])),
                        [&times, time](auto done) {
                          if (done) times.Acknowledged(time);
                        }),
         "send");
  }
  const auto deadline = steady_clock::now() + kMostWait;
  while (times.read() < count && steady_clock::now() < deadline) SleepFor(Millis{5});
  reading.request_stop();
  reading.join();
  producer.reset();  // its thread notes acknowledgements
  times.Print(count);
}

void MakeTopics(const messaging::KafkaOptions& kafka, int argc, char** argv) {
  std::vector<messaging::TopicSpec> topics;
  for (int i = 3; i < argc; ++i) topics.push_back({argv[i], 1, {}});
  auto admin = Must(messaging::Admin::Make(kafka), "admin");
  Must(admin->CreateTopics(topics, seconds{30}), "topics");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 2 ? argv[2] : "";
  const messaging::KafkaOptions kafka{.brokers = argc > 1 ? argv[1] : "", .client_id = "bench"};
  if (verb == "topics") return MakeTopics(kafka, argc, argv), 0;
  if (verb == "fill" && argc == 7) return Fill(kafka, argv), 0;
  if (verb == "drain" && argc == 6) return Drain(kafka, argv), 0;
  if (verb == "pace" && argc == 9) return Pace(kafka, argv), 0;
  std::fputs("usage: see the head of bench/flow.cc\n", stderr);
  return 2;
}
