// SPDX-License-Identifier: Apache-2.0
// RAII and translation for librdkafka, so that its handles and codes stay inside this folder.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "outrigger/base/result.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::messaging {

struct Deleter {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using ClientHandle = std::unique_ptr<rd_kafka_t, Deleter>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, Deleter>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Deleter>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Deleter>;
using OptionsHandle = std::unique_ptr<rd_kafka_AdminOptions_t, Deleter>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Deleter>;
using MetadataHandle = std::unique_ptr<const rd_kafka_metadata_t, Deleter>;
using MessageHandle = std::unique_ptr<rd_kafka_message_t, Deleter>;
using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Deleter>;

// Largest record that any topic of ours takes, with room for headers (docs/formats/topics.md).
inline constexpr int kMaxMessageBytes = 18 << 20;

// The code of ours for one of librdkafka's.
Error FromKafka(rd_kafka_resp_err_t code, const std::string& what);
Error FromKafka(const rd_kafka_error_t* error, const std::string& what);

// What all clients share: addresses, keep-alive, no Nagle, quick reconnects, logs into ours.
// An unknown setting is a programmer's error.
using Properties = std::initializer_list<std::pair<const char*, std::string>>;
ConfHandle MakeConf(const KafkaOptions& kafka, Properties properties);
// Errors: kInvalidArgument - a setting is out of range, or no client could be made of it.
Result<ClientHandle> MakeClient(rd_kafka_type_t type, ConfHandle conf);

// Queues one record; `opaque` comes back with its delivery report. Errors: kResourceExhausted,
// kNotFound, kInvalidArgument (too large), kUnavailable, kInternal.
Result<> Produce(rd_kafka_t* client, const OutRecord& record, void* opaque);

// Asks for a topic's leaders now; else a client that has not heard of it waits for its next round
// of metadata, up to a second. False: nobody answered in time.
bool LearnTopic(rd_kafka_t* client, const std::string& topic, std::chrono::milliseconds wait);

Record ToRecord(const rd_kafka_message_t& message);

PartitionList ToList(const std::vector<TopicPartition>& partitions);
std::vector<TopicPartition> FromList(const rd_kafka_topic_partition_list_t* list);

// What is left of a deadline, as librdkafka wants it; at least 0.
int MillisLeft(std::chrono::steady_clock::time_point until);
inline int ToInt(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

}  // namespace outrigger::messaging
