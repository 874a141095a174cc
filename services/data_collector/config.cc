// SPDX-License-Identifier: Apache-2.0
#include "data_collector/config.h"

#include <array>

namespace outrigger::data_collector {
namespace {

using enum SettingKind;

constexpr auto kSettings = std::to_array<Setting>({
    {.key = "listen_address",
     .kind = kText,
     .default_value = "127.0.0.1",
     .help = "address of both ports"},
    {.key = "port",
     .kind = kInteger,
     .default_value = "8082",
     .help = "port of the API; 0: a free one",
     .min = 0,
     .max = 65535},
    {.key = "admin_port",
     .kind = kInteger,
     .default_value = "9082",
     .help = "port of /livez, /readyz and /metrics; 0: a free one",
     .min = 0,
     .max = 65535},
    {.key = "kafka_brokers",
     .kind = kText,
     .default_value = "127.0.0.1:9092",
     .help = "host:port, several separated by commas"},
    {.key = "max_ahead_ms",
     .kind = kMillis,
     .default_value = "300000",
     .help = "how far in the future a sample's time may be",
     .min = 0,
     .max = 86'400'000},
    {.key = "max_age_ms",
     .kind = kMillis,
     .default_value = "0",
     .help = "how old a sample's time may be; 0: as old as it likes",
     .min = 0,
     .max = 1e14},
    {.key = "delivery_timeout_ms",
     .kind = kMillis,
     .default_value = "8000",
     .help = "how long Kafka may take to acknowledge before the answer is 503",
     .min = 100,
     .max = 60'000},
    {.key = "look_again_ms",
     .kind = kMillis,
     .default_value = "1000",
     .help = "how long a topic is read to its end before a token or an asset is called unknown",
     .min = 10,
     .max = 10'000},
    {.key = "max_in_flight",
     .kind = kInteger,
     .default_value = "50000",
     .help = "records on their way to Kafka; beyond it 503",
     .min = 10'000,
     .max = 1'000'000},
    {.key = "max_connections",
     .kind = kInteger,
     .default_value = "4096",
     .help = "connections open at once; a further one is closed",
     .min = 1,
     .max = 100'000},
    {.key = "io_threads",
     .kind = kInteger,
     .default_value = "1",
     .help = "threads that read and answer requests",
     .min = 1,
     .max = 64},
    {.key = "workers",
     .kind = kInteger,
     .default_value = "2",
     .help = "threads that read large bodies",
     .min = 1,
     .max = 64},
});

constexpr std::size_t kBodyBytes = 8u << 20;

}  // namespace

std::span<const Setting> Settings() { return kSettings; }

http::ServerOptions ServerOptionsFrom(const Config& config) {
  http::ServerOptions options;
  options.address = config.Text("listen_address");
  options.port = static_cast<std::uint16_t>(config.Integer("port"));
  options.io_threads = static_cast<int>(config.Integer("io_threads"));
  options.max_connections = static_cast<std::size_t>(config.Integer("max_connections"));
  options.body_bytes = kBodyBytes;
  // An answer comes at the latest after two looks at topics and one delivery.
  options.answer_deadline = config.Duration("delivery_timeout_ms") +
                            2 * config.Duration("look_again_ms") + Millis{10'000};
  return options;
}

messaging::KafkaOptions KafkaOptionsFrom(const Config& config) {
  return {config.Text("kafka_brokers"), "data_collector"};
}

messaging::Producer::Options ProducerOptionsFrom(const Config& config) {
  messaging::Producer::Options options;
  options.delivery_timeout = config.Duration("delivery_timeout_ms");
  options.max_queued = static_cast<std::size_t>(config.Integer("max_in_flight"));
  return options;
}

TelemetryHandler::Limits LimitsFrom(const Config& config) {
  TelemetryHandler::Limits limits;
  limits.max_in_flight = static_cast<std::size_t>(config.Integer("max_in_flight"));
  limits.max_ahead = config.Duration("max_ahead_ms");
  limits.max_age = config.Duration("max_age_ms");
  limits.look_again = config.Duration("look_again_ms");
  return limits;
}

}  // namespace outrigger::data_collector
