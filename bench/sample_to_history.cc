// SPDX-License-Identifier: Apache-2.0
// bench_sample_to_history BROKERS POSTGRES bare|outrigger RATE SECONDS [COLLECTOR TOKEN ASSET]:
// time from a sample's acknowledgement until a query of PostgreSQL sees it, at a fixed rate.
//
// bare:      an idempotent produce, a consumer, COPY and the place in one transaction.
// outrigger: POST /telemetry, then the table of history. Both are looked for by the same query,
// which runs again and again. Prints {"samples", "p50_ms", "p99_ms"}.
#include <atomic>
#include <format>
#include <pqxx/pqxx>
#include <thread>

#include "outrigger/base/clock.h"
#include "outrigger/base/ids.h"
#include "outrigger/http/client.h"
#include "outrigger/messaging/kafka.h"
#include "support.h"

namespace {

using namespace outrigger;
using namespace outrigger::bench;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr Millis kLookEvery{1};
constexpr auto kBareTable =
    "CREATE TABLE IF NOT EXISTS bench_history (tenant text, asset text, telemetry text, time "
    "bigint, "
    "number double precision, PRIMARY KEY (tenant, asset, telemetry, time));"
    "CREATE TABLE IF NOT EXISTS bench_offset (topic text PRIMARY KEY, next bigint)";

struct Job {
  std::string brokers, postgres, collector, token, asset, topic;
  bool bare = true;
  double rate = 0;
  std::size_t count = 0;
  std::int64_t first = 0;
  messaging::KafkaOptions kafka() const { return {.brokers = brokers, .client_id = "bench"}; }
};

// Looks for new rows until stopped. The rows of one asset come in order.
void Look(const Job& job, Times& times, const std::stop_token& stop) {
  pqxx::connection connection(job.postgres);
  connection.prepare("rows",
                     std::format("SELECT time FROM {} WHERE tenant = 'default' AND asset = $1 AND "
                                 "telemetry = 'Temperature' AND time > $2 AND time < $3",
                                 job.bare ? "bench_history" : "telemetry_history"));
  std::int64_t seen = job.first - 1;
  const std::int64_t end = job.first + static_cast<std::int64_t>(job.count);
  while (!stop.stop_requested()) {
    pqxx::nontransaction look(connection);
    for (const auto& row : look.exec(pqxx::prepped{"rows"}, pqxx::params{job.asset, seen, end})) {
      const auto time = row[0].as<std::int64_t>();
      times.Read(time);
      seen = std::max(seen, time);
    }
    SleepFor(kLookEvery);
  }
}

void BareArchive(const Job& job, std::atomic<bool>& ready, const std::stop_token& stop) {
  pqxx::connection connection(job.postgres);
  auto consumer = Must(messaging::Consumer::Make(job.kafka(), {}), "consumer");
  Must(consumer->Assign({
           {{job.topic, 0}, messaging::Consumer::kEnd}
  }),
       "assign");
  while (!stop.stop_requested()) {
    auto batch = Must(consumer->Poll(milliseconds{50}), "poll");
    if (!batch.ends.empty()) ready = true;
    if (batch.records.empty()) continue;
    pqxx::work work(connection);
    auto copy = pqxx::stream_to::raw_table(work, "bench_history");
    for (const auto& record : batch.records)
      copy.write_values("default", job.asset, "Temperature", TimesIn(*record.value).at(0), 20.0);
    copy.complete();
    work.exec(
        "INSERT INTO bench_offset VALUES ($1, $2) ON CONFLICT (topic) DO UPDATE SET next = $2",
        pqxx::params{job.topic, batch.records.back().offset + 1});
    work.commit();
  }
}

void Send(const Job& job, Times& times) {
  auto producer = Must(messaging::Producer::Make(job.kafka(), {}), "producer");
  http::Client client({.egress = {.allow_loopback = true}});
  const auto began = steady_clock::now();
  for (std::size_t i = 0; i < job.count; ++i) {
    std::this_thread::sleep_until(
        began + std::chrono::duration_cast<steady_clock::duration>(
                    std::chrono::duration<double>(static_cast<double>(i) / job.rate)));
    const std::int64_t time = job.first + static_cast<std::int64_t>(i);
    const std::string body = std::format(
        R"({{"asset":"{}","time":{},"values":{{"Temperature":{}}}}})", job.asset, time, 20 + i % 7);
    const auto acknowledged = [&times, time] { times.Acknowledged(time); };
    if (job.bare) {
      Must(producer->Send(
               {.topic = job.topic, .partition = 0, .key = job.asset, .value = body, .headers = {}},
               [acknowledged](auto done) {
                 if (done) acknowledged();
               }),
           "send");
      continue;
    }
    http::Call call;
    call.method = "POST";
    call.url = std::format("{}/api/v1/telemetry", job.collector);
    call.headers = {
        {"Content-Type", "application/json"},
        {"Authorization", std::format("Bearer {}", job.token)}
    };
    call.body = std::make_shared<const std::string>(body);
    client.Start(std::move(call), [acknowledged](auto reply) {
      if (reply && reply->status == 202) acknowledged();
    });
  }
  const auto deadline = steady_clock::now() + std::chrono::seconds{30};
  while (times.read() < job.count && steady_clock::now() < deadline) SleepFor(Millis{10});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 9) return 2;
  Job job{.brokers = argv[1],
          .postgres = argv[2],
          .collector = "",
          .token = "",
          .asset = "bare",
          .topic = ""};
  job.bare = std::string_view(argv[3]) == "bare";
  job.rate = std::atof(argv[4]);
  job.count = static_cast<std::size_t>(job.rate * std::atof(argv[5]));
  job.first = SystemClock().WallMs() - static_cast<std::int64_t>(job.count);
  std::atomic<bool> ready = true;
  std::jthread archive;
  if (job.bare) {
    job.topic = std::format("bench-history-{}", RandomId(6));
    pqxx::connection connection(job.postgres);
    pqxx::nontransaction(connection).exec(kBareTable);
    const messaging::TopicSpec topic{job.topic, 1, {}};
    auto admin = Must(messaging::Admin::Make(job.kafka()), "admin");
    Must(admin->CreateTopics({&topic, 1}, std::chrono::seconds{20}), "topic");
    ready = false;
    archive = std::jthread([&](const std::stop_token& stop) { BareArchive(job, ready, stop); });
  } else {
    job.collector = argv[6], job.token = argv[7], job.asset = argv[8];
  }
  while (!ready) SleepFor(Millis{5});
  Times times;
  std::jthread looking([&](const std::stop_token& stop) { Look(job, times, stop); });
  Send(job, times);
  looking.request_stop();
  looking.join();
  times.Print(job.count);
}
