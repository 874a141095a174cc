// SPDX-License-Identifier: Apache-2.0
#include "rdkafka_client.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "outrigger/base/clock.h"
#include "outrigger/base/log.h"

namespace outrigger::messaging {
namespace {

// Each failed connection is a line of librdkafka's (facility FAIL), once a second and client: that
// all brokers are gone is said once, below.
void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  const bool worth_it = level <= 4 && std::string_view(facility) != "FAIL";
  Log(worth_it ? LogLevel::kWarning : LogLevel::kDebug, "kafka client",
      {
          {"client",   client ? rd_kafka_name(client) : ""},
          {"facility", facility                           },
          {"text",     text                               }
  });
}

// librdkafka reports what it retries by itself as errors too: no caller could do better.
void OnError(rd_kafka_t* client, int code, const char* reason, void*) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  Log(error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ? LogLevel::kWarning : LogLevel::kDebug,
      "kafka client",
      {
          {"client", rd_kafka_name(client)   },
          {"error",  rd_kafka_err2name(error)},
          {"text",   reason                  }
  });
}

ErrorCode CodeOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__STATE:
      return ErrorCode::kConflict;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return ErrorCode::kTimeout;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return ErrorCode::kResourceExhausted;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return ErrorCode::kNotFound;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
      return ErrorCode::kInvalidArgument;
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__DESTROY:
      return ErrorCode::kCancelled;
    default:
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

Error FromKafka(rd_kafka_resp_err_t code, const std::string& what) {
  return Error(CodeOf(code), what + ": " + rd_kafka_err2str(code));
}

Error FromKafka(const rd_kafka_error_t* error, const std::string& what) {
  return Error(CodeOf(rd_kafka_error_code(error)), what + ": " + rd_kafka_error_string(error));
}

ConfHandle MakeConf(const KafkaOptions& kafka, Properties properties) {
  ConfHandle conf(rd_kafka_conf_new());
  const auto set = [&conf](const char* name, const std::string& value) {
    std::array<char, 256> why{};
    const auto result = rd_kafka_conf_set(conf.get(), name, value.c_str(), why.data(), why.size());
    OR_CHECK(result == RD_KAFKA_CONF_OK, why.data());
  };
  set("bootstrap.servers", kafka.brokers);
  set("client.id", kafka.client_id);
  set("socket.nagle.disable", "true");
  set("socket.keepalive.enable", "true");
  set("socket.connection.setup.timeout.ms", "5000");
  set("socket.timeout.ms", "10000");
  set("reconnect.backoff.ms", "50");
  set("reconnect.backoff.max.ms", "1000");
  set("allow.auto.create.topics", "false");
  set("log.connection.close", "false");
  set("message.max.bytes", std::to_string(kMaxMessageBytes));
  // A topic's first look-up may find brokers that have not heard of it yet.
  set("topic.metadata.propagation.max.ms", "5000");
  for (const auto& [name, value] : properties) set(name, value);
  rd_kafka_conf_set_log_cb(conf.get(), OnLog);
  rd_kafka_conf_set_error_cb(conf.get(), OnError);
  return conf;
}

Result<ClientHandle> MakeClient(rd_kafka_type_t type, ConfHandle conf) {
  std::array<char, 512> why{};
  ClientHandle client(rd_kafka_new(type, conf.get(), why.data(), why.size()));
  if (!client)
    return Error(ErrorCode::kInvalidArgument, std::string("Kafka client: ") + why.data(),
                 "kafka_brokers");
  (void)conf.release();  // the client owns it now
  return client;
}

Result<> Produce(rd_kafka_t* client, const OutRecord& record, void* opaque) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
  for (const auto& [name, value] : record.headers)
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  std::array<rd_kafka_vu_t, 7> fields{};
  std::size_t count = 0;
  const auto add = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    fields[count].vtype = type;
    return fields[count++];
  };
  add(RD_KAFKA_VTYPE_TOPIC).u.cstr = record.topic.c_str();
  add(RD_KAFKA_VTYPE_PARTITION).u.i32 = record.partition.value_or(RD_KAFKA_PARTITION_UA);
  add(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  if (record.key) {
    auto& key = add(RD_KAFKA_VTYPE_KEY).u.mem;
    key.ptr = const_cast<char*>(record.key->data());
    key.size = record.key->size();
  }
  if (record.value) {  // an empty value is no tombstone: its pointer must not be null
    auto& value = add(RD_KAFKA_VTYPE_VALUE).u.mem;
    value.ptr = const_cast<char*>(record.value->data());
    value.size = record.value->size();
  }
  add(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
  add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = opaque;
  const ErrorHandle error(rd_kafka_produceva(client, fields.data(), count));
  if (!error) return {};
  rd_kafka_headers_destroy(headers);
  return FromKafka(error.get(), "send to " + record.topic);
}

bool LearnTopic(rd_kafka_t* client, const std::string& topic, std::chrono::milliseconds wait) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  if (!handle) return false;
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client, 0, handle, &found, ToInt(wait));
  const MetadataHandle metadata(found);
  rd_kafka_topic_destroy(handle);
  return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

Record ToRecord(const rd_kafka_message_t& message) {
  Record record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  if (message.key) record.key.emplace(static_cast<const char*>(message.key), message.key_len);
  if (message.payload) record.value.emplace(static_cast<const char*>(message.payload), message.len);
  rd_kafka_timestamp_type_t kind{};
  record.time.ms = rd_kafka_message_timestamp(&message, &kind);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    record.headers.reserve(rd_kafka_header_cnt(headers));
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
      record.headers.emplace_back(
          name, value ? std::string(static_cast<const char*>(value), size) : std::string());
  }
  return record;
}

PartitionList ToList(const std::vector<TopicPartition>& partitions) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const auto& at : partitions)
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition);
  return list;
}

std::vector<TopicPartition> FromList(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> partitions;
  for (int i = 0; list && i < list->cnt; ++i)
    partitions.push_back({list->elems[i].topic, list->elems[i].partition});
  return partitions;
}

int MillisLeft(std::chrono::steady_clock::time_point until) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(until - SystemClock().Now());
  return std::max(0, ToInt(left));
}

}  // namespace outrigger::messaging
