// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/config.h"

#include <array>

namespace outrigger::data_pusher {
namespace {

constexpr auto kSettings = std::to_array<Setting>({
    {"listen_address", SettingKind::kText, "127.0.0.1",
     "address of the query API and the admin port"},
    {"port", SettingKind::kInteger, "0", "port of the query API; 0: a free one", false, 0, 65'535},
    {"admin_port", SettingKind::kInteger, "0", "port of health and metrics; 0: a free one", false,
     0, 65'535},
    {"kafka_brokers", SettingKind::kText, "", "host:port of one or more brokers", true},
    {"postgres_uri", SettingKind::kText, "", "postgresql://user@host:port/database", true},
    {"instance", SettingKind::kText, "pusher-0",
     "name of this replica, unique among those that run: it takes its partitions back at once "
     "after "
     "a restart"},
    {"workers", SettingKind::kInteger, "8", "queries at a time", false, 1, 256},
    {"max_query_rows", SettingKind::kInteger, "2000000",
     "an aggregate that would read more values is refused", false, 1'000, 1e9},
    {"hot_assets", SettingKind::kInteger, "100000", "assets whose latest values are kept in memory",
     false, 1, 1e8},
    {"feeds_in_flight", SettingKind::kInteger, "50000",
     "records on their way to feeds before routing waits", false, 100, 1e6},
    {"feed_give_up", SettingKind::kMillis, "60000",
     "how long a feed that an open route names may be unknown to Kafka before its records are "
     "dropped, ms", false, 1'000, 3'600'000},
    {"archive_batch", SettingKind::kInteger, "5000", "samples a transaction", false, 1, 100'000},
    {"history_days", SettingKind::kInteger, "400",
     "days back that have a partition of their own; what is older shares one", false, 1, 10'000},
    {"retention_interval", SettingKind::kMillis, "600000",
     "how often history is looked for that its tenant keeps no longer, ms", false, 100, 86'400'000},
    {"retention_rate", SettingKind::kInteger, "20000",
     "values a second that are deleted then, so that the archive keeps its pace", false, 100, 1e7},
    {"max_streams", SettingKind::kInteger, "256", "streams of telemetry at a time", false, 1,
     3'000},
    {"max_tenant_streams", SettingKind::kInteger, "64", "streams of one tenant at a time", false, 1,
     3'000},
    {"max_stream_catch_ups", SettingKind::kInteger, "4",
     "streams at a time that read what they missed, one tenant at most half of them", false, 1, 64},
    {"stream_queue_bytes", SettingKind::kInteger, "1048576",
     "a stream whose client leaves more unread is cut off", false, 65'536, 64 << 20},
});

}  // namespace

std::span<const Setting> Settings() { return kSettings; }

store::DatabaseOptions DatabaseOf(const Config& config, store::Access access, int connections) {
  store::DatabaseOptions options;
  options.uri = config.Text("postgres_uri");
  options.access = access;
  options.connections = connections;
  return options;
}

http::ServerOptions ListenOf(const Config& config) {
  http::ServerOptions options;
  options.address = config.Text("listen_address");
  options.port = static_cast<std::uint16_t>(config.Integer("port"));
  options.workers = static_cast<int>(config.Integer("workers"));
  return options;
}

RouterOptions RoutingOf(const Config& config, const messaging::KafkaOptions& kafka) {
  RouterOptions options{kafka, config.Text("instance"), {}};
  options.feeds.max_in_flight = static_cast<std::size_t>(config.Integer("feeds_in_flight"));
  options.feeds.give_up = config.Duration("feed_give_up");
  return options;
}

ArchiveOptions TelemetryArchiveOf(const Config& config, const messaging::KafkaOptions& kafka) {
  ArchiveOptions options{
      kafka, "telemetry", "outrigger-archive", config.Text("instance"), {"telemetry"}};
  options.batch = static_cast<std::size_t>(config.Integer("archive_batch"));
  return options;
}

ArchiveOptions TablesArchiveOf(const Config& config, const messaging::KafkaOptions& kafka) {
  ArchiveOptions options{
      kafka, "tables", "outrigger-tables", config.Text("instance"), {"^out\\..*", "^dead\\..*"}
  };
  options.batch = 200;
  return options;
}

RetentionPace PaceOf(const Config& config) {
  return {config.Duration("retention_interval"), config.Integer("retention_rate")};
}

TelemetryStreams::Options StreamsOf(const Config& config, const messaging::KafkaOptions& kafka) {
  const auto number = [&](const char* key) {
    return static_cast<std::size_t>(config.Integer(key));
  };
  TelemetryStreams::Options options{kafka, {}, {}};
  options.streams = {number("max_streams"), number("max_tenant_streams")};
  const std::size_t catch_ups = number("max_stream_catch_ups");
  options.catch_ups = {catch_ups, (catch_ups + 1) / 2};
  options.queue_bytes = number("stream_queue_bytes");
  return options;
}

}  // namespace outrigger::data_pusher
