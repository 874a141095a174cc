// SPDX-License-Identifier: Apache-2.0
// bench_parse_produce BROKERS TOPIC SECONDS: reads a JSON array of telemetry records from standard
// input and, again and again, parses it and produces its records as the collector does, with
// librdkafka: what ingest costs without HTTP, credentials and judging. Prints {"records"}.
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <format>
#include <iostream>
#include <iterator>

#include "data_collector/telemetry_reader.h"
#include "support.h"

namespace {

using namespace outrigger;
using namespace outrigger::bench;

constexpr std::size_t kMaxRecords = 10'000;

[[noreturn]] void Fail(const char* why) {
  std::fprintf(stderr, "bench_parse_produce: %s\n", why);
  std::exit(1);
}

rd_kafka_t* MakeProducer(const char* brokers) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char why[512];
  const std::pair<const char*, const char*> settings[] = {
      {"bootstrap.servers",            brokers },
      {"enable.idempotence",           "true"  },
      {"acks",                         "all"   },
      {"linger.ms",                    "1"     },
      {"socket.nagle.disable",         "true"  },
      {"queue.buffering.max.messages", "100000"}
  };
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) Fail(why);
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (producer == nullptr) Fail(why);
  return producer;
}

void Produce(rd_kafka_t* producer, const char* topic, const data_collector::RawRecord& record) {
  const std::string key = std::format("default/{}", record.asset->text);
  std::string value = std::format(R"({{"asset":"{}","time":{},"values":{{)", record.asset->text,
                                  *record.time->integer);
  for (const auto& [name, number] : record.values)
    value += std::format(R"({}"{}":{})", value.back() == '{' ? "" : ",", name, number.number);
  value += "}}";
  const auto error = rd_kafka_producev(
      producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key.data(), key.size()),
      RD_KAFKA_V_VALUE(value.data(), value.size()),
      RD_KAFKA_V_HEADER("ce_id", "0123456789abcdef0123456789abcdef", -1),
      RD_KAFKA_V_HEADER("ce_source", "/data_collector", -1),
      RD_KAFKA_V_HEADER("ce_type", "dev.outrigger.telemetry.v1", -1),
      RD_KAFKA_V_HEADER("ce_time", "2026-01-01T00:00:00.000Z", -1),
      RD_KAFKA_V_HEADER("ce_specversion", "1.0", -1),
      RD_KAFKA_V_HEADER("traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01",
                        -1),
      RD_KAFKA_V_HEADER("tenant", "default", -1),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) Fail(rd_kafka_err2str(error));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) Fail("usage: bench_parse_produce BROKERS TOPIC SECONDS < RECORDS");
  const std::string body{std::istreambuf_iterator<char>(std::cin), {}};
  rd_kafka_t* producer = MakeProducer(argv[1]);
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::milliseconds(static_cast<long>(std::atof(argv[3]) * 1000));
  std::size_t records = 0;
  while (std::chrono::steady_clock::now() < end) {
    const auto batch = data_collector::ReadJson(body, kMaxRecords);
    if (!batch || batch->records.empty()) Fail("standard input is no array of records");
    for (const auto& record : batch->records) {
      if (!record.faults.empty()) Fail("a record of standard input is bad");
      Produce(producer, argv[2], record);
    }
    records += batch->records.size();
    rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, 30'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    Fail("Kafka did not take all");
  std::printf("{\"records\": %zu}\n", records);
}
