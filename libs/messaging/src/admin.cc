// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <thread>

#include "outrigger/base/retry.h"
#include "rdkafka_client.h"

namespace outrigger::messaging {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLookAgain{20};

struct RequestDeleter {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_DeleteTopic_t* topic) const { rd_kafka_DeleteTopic_destroy(topic); }
  void operator()(rd_kafka_ListConsumerGroupOffsets_t* ask) const {
    rd_kafka_ListConsumerGroupOffsets_destroy(ask);
  }
};
template <typename T>
using Owned = std::unique_ptr<T, RequestDeleter>;

class KafkaAdmin final : public Admin {
 public:
  Result<> Start(const KafkaOptions& kafka) {
    OR_ASSIGN(client_, MakeClient(RD_KAFKA_PRODUCER, MakeConf(kafka, {})));
    return {};
  }

  Result<> CreateTopics(std::span<const TopicSpec> topics, milliseconds deadline) override {
    if (topics.empty()) return {};
    const auto until = SystemClock().Now() + deadline;
    std::vector<Owned<rd_kafka_NewTopic_t>> owned;
    std::vector<rd_kafka_NewTopic_t*> wanted;
    for (const TopicSpec& topic : topics) {
      owned.emplace_back(
          rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, -1, nullptr, 0));
      if (!owned.back()) return Error(ErrorCode::kInvalidArgument, "bad topic " + topic.name);
      for (const auto& [name, value] : topic.config)
        rd_kafka_NewTopic_set_config(owned.back().get(), name.c_str(), value.c_str());
      wanted.push_back(owned.back().get());
    }
    OR_ASSIGN(const EventHandle event,
              Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, until, [&](const auto* options, auto* queue) {
                rd_kafka_CreateTopics(client_.get(), wanted.data(), wanted.size(), options, queue);
              }));
    std::size_t count = 0;
    const auto* results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i)
      if (const auto error = rd_kafka_topic_result_error(results[i]);
          error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return FromKafka(error,
                         std::string("create topic ") + rd_kafka_topic_result_name(results[i]));
    return UntilSeen(until, [&](const rd_kafka_metadata_t& seen) {
      return std::ranges::all_of(
          topics, [&](const TopicSpec& topic) { return HasLeaders(seen, topic.name); });
    });
  }

  Result<> DeleteTopic(const std::string& topic, milliseconds deadline) override {
    const auto until = SystemClock().Now() + deadline;
    const Owned<rd_kafka_DeleteTopic_t> wanted(rd_kafka_DeleteTopic_new(topic.c_str()));
    rd_kafka_DeleteTopic_t* list[] = {wanted.get()};
    OR_ASSIGN(const EventHandle event,
              Ask(RD_KAFKA_ADMIN_OP_DELETETOPICS, until, [&](const auto* options, auto* queue) {
                rd_kafka_DeleteTopics(client_.get(), list, 1, options, queue);
              }));
    std::size_t count = 0;
    const auto* results = rd_kafka_DeleteTopics_result_topics(
        rd_kafka_event_DeleteTopics_result(event.get()), &count);
    for (std::size_t i = 0; i < count; ++i)
      if (const auto error = rd_kafka_topic_result_error(results[i]);
          error && error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return FromKafka(error, "delete topic " + topic);
    return UntilSeen(until, [&](const rd_kafka_metadata_t& seen) { return !Find(seen, topic); });
  }

  Result<std::map<std::string, int>> Topics(milliseconds deadline) override {
    OR_ASSIGN(const MetadataHandle seen, Metadata(SystemClock().Now() + deadline));
    std::map<std::string, int> topics;
    for (int i = 0; i < seen->topic_cnt; ++i)
      if (seen->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
        topics[seen->topics[i].topic] = seen->topics[i].partition_cnt;
    return topics;
  }

  Result<std::map<int, std::int64_t>> EndOffsets(const std::string& topic,
                                                 milliseconds deadline) override {
    return OffsetsOf(topic, RD_KAFKA_OFFSET_SPEC_LATEST, SystemClock().Now() + deadline);
  }

  Result<std::map<int, std::int64_t>> HighWatermarks(const std::string& topic,
                                                     milliseconds deadline) override {
    return OffsetsOf(topic, RD_KAFKA_OFFSET_SPEC_LATEST, SystemClock().Now() + deadline,
                     RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED);
  }

  Result<std::map<int, std::int64_t>> CommittedOffsets(const std::string& group,
                                                       const std::string& topic,
                                                       milliseconds deadline) override {
    const auto until = SystemClock().Now() + deadline;
    OR_ASSIGN(const int partitions, PartitionsOf(topic, until));
    const PartitionList list(rd_kafka_topic_partition_list_new(partitions));
    for (int i = 0; i < partitions; ++i)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i);
    std::map<int, std::int64_t> offsets;
    for (;;) {
      OR_ASSIGN(const auto error, AskOffsets(group, list.get(), until, offsets));
      if (!error) return offsets;
      if (error != RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT || MillisLeft(until) == 0)
        return FromKafka(error, "offsets of group " + group);
      SleepFor(kLookAgain);  // a transaction that decides them is about to end
    }
  }

  Result<std::map<int, std::int64_t>> OffsetsAt(const std::string& topic, ArrivalTime time,
                                                milliseconds deadline) override {
    const auto until = SystemClock().Now() + deadline;
    OR_ASSIGN(auto offsets, OffsetsOf(topic, std::max<std::int64_t>(time.ms, 0), until));
    if (std::ranges::all_of(offsets, [](const auto& item) { return item.second >= 0; }))
      return offsets;
    OR_ASSIGN(const auto ends, OffsetsOf(topic, RD_KAFKA_OFFSET_SPEC_LATEST, until));
    for (auto& [partition, offset] : offsets)
      if (offset < 0) offset = ends.at(partition);
    return offsets;
  }

 private:
  using Until = std::chrono::steady_clock::time_point;
  using Request = std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;

  // What an open transaction may still take back is no answer, if not asked for.
  Result<EventHandle> Ask(
      rd_kafka_admin_op_t operation, Until until, const Request& request,
      rd_kafka_IsolationLevel_t isolation = RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED) {
    const OptionsHandle options(rd_kafka_AdminOptions_new(client_.get(), operation));
    const int wait = std::max(MillisLeft(until), 1);
    rd_kafka_AdminOptions_set_request_timeout(options.get(), wait, nullptr, 0);
    if (operation == RD_KAFKA_ADMIN_OP_LISTOFFSETS) {
      const ErrorHandle error(rd_kafka_AdminOptions_set_isolation_level(options.get(), isolation));
      OR_CHECK(!error, "this operation knows isolation");
    } else if (operation == RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS) {
      const ErrorHandle error(rd_kafka_AdminOptions_set_require_stable_offsets(options.get(), 1));
      OR_CHECK(!error, "this operation knows stable offsets");
    }
    const QueueHandle queue(rd_kafka_queue_new(client_.get()));
    request(options.get(), queue.get());
    EventHandle event(rd_kafka_queue_poll(queue.get(), wait + 1'000));
    if (!event) return Error(ErrorCode::kTimeout, "Kafka did not answer an administrative request");
    if (const auto error = rd_kafka_event_error(event.get()))
      return FromKafka(error, rd_kafka_event_error_string(event.get()));
    return event;
  }

  // Fills `offsets` where the group committed; returns what the broker said of group or partition.
  Result<rd_kafka_resp_err_t> AskOffsets(const std::string& group,
                                         const rd_kafka_topic_partition_list_t* list, Until until,
                                         std::map<int, std::int64_t>& offsets) {
    const Owned<rd_kafka_ListConsumerGroupOffsets_t> wanted(
        rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list));
    rd_kafka_ListConsumerGroupOffsets_t* asked[] = {wanted.get()};
    OR_ASSIGN(const EventHandle event, Ask(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, until,
                                           [&](const auto* options, auto* queue) {
                                             rd_kafka_ListConsumerGroupOffsets(client_.get(), asked,
                                                                               1, options, queue);
                                           }));
    std::size_t count = 0;
    const auto* groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
    offsets.clear();
    for (std::size_t i = 0; i < count; ++i) {
      if (const auto* error = rd_kafka_group_result_error(groups[i])) {
        if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) continue;
        return rd_kafka_error_code(error);
      }
      const auto* found = rd_kafka_group_result_partitions(groups[i]);
      for (int k = 0; found && k < found->cnt; ++k) {
        if (found->elems[k].err) return found->elems[k].err;
        if (found->elems[k].offset >= 0)
          offsets[found->elems[k].partition] = found->elems[k].offset;
      }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  Result<MetadataHandle> Metadata(Until until) {
    const rd_kafka_metadata_t* found = nullptr;
    if (const auto error =
            rd_kafka_metadata(client_.get(), 1, nullptr, &found, std::max(MillisLeft(until), 1)))
      return FromKafka(error, "metadata");
    return MetadataHandle(found);
  }

  static const rd_kafka_metadata_topic_t* Find(const rd_kafka_metadata_t& seen,
                                               const std::string& name) {
    for (int i = 0; i < seen.topic_cnt; ++i)
      if (name == seen.topics[i].topic) return &seen.topics[i];
    return nullptr;
  }

  static bool HasLeaders(const rd_kafka_metadata_t& seen, const std::string& name) {
    const auto* topic = Find(seen, name);
    if (!topic || topic->err || topic->partition_cnt == 0) return false;
    return std::all_of(topic->partitions, topic->partitions + topic->partition_cnt,
                       [](const auto& partition) { return partition.leader >= 0; });
  }

  // Asks any broker again and again; as many agreeing answers as there are brokers count.
  Result<> UntilSeen(Until until, const std::function<bool(const rd_kafka_metadata_t&)>& seen) {
    for (int agreeing = 0;;) {
      OR_ASSIGN(const MetadataHandle metadata, Metadata(until));
      agreeing = seen(*metadata) ? agreeing + 1 : 0;
      if (agreeing >= std::max(metadata->broker_cnt, 1)) return {};
      if (MillisLeft(until) == 0)
        return Error(ErrorCode::kTimeout, "the brokers do not agree on a change of topics yet");
      if (agreeing == 0) SleepFor(kLookAgain);
    }
  }

  Result<int> PartitionsOf(const std::string& topic, Until until) {
    OR_ASSIGN(const MetadataHandle seen, Metadata(until));
    const auto* found = Find(*seen, topic);
    if (!found || found->err) return Error(ErrorCode::kNotFound, "no topic " + topic);
    return found->partition_cnt;
  }

  Result<std::map<int, std::int64_t>> OffsetsOf(
      const std::string& topic, std::int64_t spec, Until until,
      rd_kafka_IsolationLevel_t isolation = RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED) {
    OR_ASSIGN(const int partitions, PartitionsOf(topic, until));
    const PartitionList list(rd_kafka_topic_partition_list_new(partitions));
    for (int i = 0; i < partitions; ++i)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = spec;
    OR_ASSIGN(const EventHandle event, Ask(
                                           RD_KAFKA_ADMIN_OP_LISTOFFSETS, until,
                                           [&](const auto* options, auto* queue) {
                                             rd_kafka_ListOffsets(client_.get(), list.get(),
                                                                  options, queue);
                                           },
                                           isolation));
    std::size_t count = 0;
    const auto* infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
    std::map<int, std::int64_t> offsets;
    for (std::size_t i = 0; i < count; ++i) {
      const auto* at = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
      if (at->err) return FromKafka(at->err, "offsets of " + topic);
      // A broker that dies while it is asked leaves this, and no error.
      if (at->offset == RD_KAFKA_OFFSET_INVALID)
        return Error(ErrorCode::kUnavailable, "offsets of " + topic + ": no answer");
      offsets[at->partition] = at->offset;
    }
    return offsets;
  }

  ClientHandle client_;
};

}  // namespace

Result<std::unique_ptr<Admin>> Admin::Make(const KafkaOptions& kafka) {
  auto admin = std::make_unique<KafkaAdmin>();
  OR_RETURN_IF_ERROR(admin->Start(kafka));
  return std::unique_ptr<Admin>(std::move(admin));
}

}  // namespace outrigger::messaging
