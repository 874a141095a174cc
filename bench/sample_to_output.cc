// SPDX-License-Identifier: Apache-2.0
// bench_sample_to_output BROKERS MODEL_PORT bare|outrigger RATE SECONDS [COLLECTOR TOKEN ASSET
// TENANT]: time from a sample's acknowledgement until its output is readable (read_committed), at a
// fixed rate.
//
// bare:      an idempotent produce, a consumer, a POST to the model, one transaction, a
// read_committed consumer. outrigger: POST /telemetry, then `out.TENANT`. Prints {"samples",
// "p50_ms", "p99_ms"} after checking that every sample had exactly one output.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/http/client.h"
#include "outrigger/messaging/kafka.h"
#include "support.h"

namespace {

using namespace outrigger;
using namespace outrigger::bench;
using SteadyClock = std::chrono::steady_clock;

// Reads a topic's new committed records until stopped; `ready` turns true at its end.
void ReadOutputs(const messaging::KafkaOptions& kafka, const std::string& topic, int partitions,
                 Times& times, std::int64_t first, std::atomic<int>& ready, std::stop_token stop) {
  auto consumer = Must(messaging::Consumer::Make(kafka, {}), "consumer");
  std::map<messaging::TopicPartition, std::int64_t> from;
  for (int p = 0; p < partitions; ++p) from[{topic, p}] = messaging::Consumer::kEnd;
  Must(consumer->Assign(from), "assign");
  while (!stop.stop_requested()) {
    auto batch = Must(consumer->Poll(std::chrono::milliseconds{50}), "poll");
    ready += static_cast<int>(batch.ends.size());
    for (const auto& record : batch.records) {
      if (!record.value) continue;
      for (const std::int64_t time : TimesIn(*record.value))
        if (time >= first) times.Read(time);
    }
  }
}

// The bare loop: consume, POST, write in one transaction committed when drained.
void BareLoop(const messaging::KafkaOptions& kafka, const std::string& in, const std::string& out,
              const std::string& url, std::atomic<int>& ready, std::stop_token stop) {
  auto consumer = Must(messaging::Consumer::Make(kafka, {}), "consumer");
  auto producer = Must(messaging::TransactionalProducer::Make(kafka, "bench-" + RandomId(6),
                                                              std::chrono::seconds{20}),
                       "producer");
  http::Client client({.egress = {.allow_loopback = true}});
  Must(consumer->Assign({
           {{in, 0}, messaging::Consumer::kEnd}
  }),
       "assign");
  while (!stop.stop_requested()) {
    auto batch = Must(consumer->Poll(std::chrono::milliseconds{50}), "poll");
    ready += static_cast<int>(batch.ends.size());
    if (batch.records.empty()) continue;
    Must(producer->Begin(), "begin");
    for (auto& record : batch.records) {
      http::Call call;
      call.method = "POST";
      call.url = url;
      call.headers = {
          {"Content-Type", "application/json"}
      };
      call.body = std::make_shared<const std::string>(*record.value);
      if (Must(client.Do(std::move(call)), "POST").status != 200) std::exit(1);
      Must(producer->Send({.topic = out,
                           .partition = 0,
                           .key = record.key,
                           .value = record.value,
                           .headers = {}}),
           "send");
    }
    Must(producer->Commit(std::chrono::seconds{10}), "commit");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const messaging::KafkaOptions kafka{.brokers = argv[1], .client_id = "bench"};
  const bool bare = std::string(argv[3]) == "bare";
  const std::string url = std::string("http://127.0.0.1:") + argv[2] + "/score";
  const double rate = std::atof(argv[4]);
  const auto count = static_cast<std::size_t>(rate * std::atof(argv[5]));
  const std::string suffix = RandomId(6), in = "bench-in-" + suffix;
  const std::string out = bare ? "bench-out-" + suffix : std::string("out.") + argv[9];
  auto admin = Must(messaging::Admin::Make(kafka), "admin");
  const messaging::TopicSpec topics[] = {
      {in,  1, {}},
      {out, 1, {}}
  };
  if (bare) Must(admin->CreateTopics(topics, std::chrono::seconds{20}), "topics");
  const int partitions = Must(admin->Topics(std::chrono::seconds{10}), "topics").at(out);
  Times times;
  std::atomic<int> ready = 0;
  const std::int64_t first = SystemClock().WallMs() - static_cast<std::int64_t>(count);
  std::jthread reader([&](std::stop_token stop) {
    ReadOutputs(kafka, out, partitions, times, first, ready, stop);
  });
  std::jthread loop;
  if (bare)
    loop = std::jthread([&](std::stop_token stop) { BareLoop(kafka, in, out, url, ready, stop); });
  while (ready < partitions + (bare ? 1 : 0)) SleepFor(Millis{10});
  auto producer = Must(messaging::Producer::Make(kafka, {}), "producer");
  http::Client client({.egress = {.allow_loopback = true}});
  const auto begin = SteadyClock::now();
  for (std::size_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(
        begin + std::chrono::duration_cast<SteadyClock::duration>(
                    std::chrono::duration<double>(static_cast<double>(i) / rate)));
    const std::int64_t time = first + static_cast<std::int64_t>(i);
    const std::string asset = bare ? "a" : argv[8];
    const std::string body = R"({"asset":")" + asset + R"(","time":)" + std::to_string(time) +
                             R"(,"values":{"Temperature":)" + std::to_string(20 + i % 7) + "}}";
    if (bare) {
      Must(producer->Send({.topic = in, .partition = 0, .key = asset, .value = body, .headers = {}},
                          [&, time](auto done) {
                            if (done) times.Acknowledged(time);
                          }),
           "send");
      continue;
    }
    http::Call call;
    call.method = "POST";
    call.url = std::string(argv[6]) + "/api/v1/telemetry";
    call.headers = {
        {"Content-Type",  "application/json"              },
        {"Authorization", std::string("Bearer ") + argv[7]}
    };
    call.body = std::make_shared<const std::string>(body);
    client.Start(std::move(call), [&, time](auto reply) {
      if (reply && reply->status == 202) times.Acknowledged(time);
    });
  }
  const auto deadline = SteadyClock::now() + std::chrono::seconds{30};
  while (times.read() < count && SteadyClock::now() < deadline) SleepFor(Millis{20});
  times.Print(count);
}
