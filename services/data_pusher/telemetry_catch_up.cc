// SPDX-License-Identifier: Apache-2.0
// The second half of TelemetryStreams: a stream that resumes reads what it missed by a reader of
// its own, at its client's pace, and joins the live ones partition by partition.
#include <algorithm>

#include "data_pusher/telemetry_streams.h"
#include "outrigger/base/log.h"

namespace outrigger::data_pusher {
namespace {

constexpr const char* kTopic = "telemetry";
constexpr Millis kKafkaDeadline{5'000};
constexpr Millis kPollWait{50};
constexpr std::size_t kPollRecords = 200;
constexpr std::size_t kReaderBytes = 1 << 20;
constexpr Millis kStep{100};         // between two looks whether the stream is over
constexpr Millis kPatience{20'000};  // for a client to take half of its queue

}  // namespace

void TelemetryStreams::CatchUp(Client& client) {
  const Result<> caught_up = ReadOld(client);
  if (caught_up || Over(client)) return;
  LogWarning("stream did not catch up", {caught_up.error()});
  client.stream.out().End();  // its client resumes behind the id it has
}

Result<> TelemetryStreams::ReadOld(Client& client) {
  TelemetryStream& stream = client.stream;
  OR_ASSIGN(const auto admin, messaging::Admin::Make(options_.kafka));
  OR_RETURN_IF_ERROR(CheckKept(client, *admin));
  std::map<messaging::TopicPartition, std::int64_t> from;
  {
    const std::lock_guard lock(mutex_);
    if (Over(client)) return {};
    stream.Tell(": from here on\n", live_);
    if (stream.Join(live_)) return {};
    for (const auto& [partition, next] : stream.OldPlaces()) from[{kTopic, partition}] = next;
  }
  messaging::Consumer::Options small;
  small.queued_bytes = kReaderBytes;
  OR_ASSIGN(const auto consumer, messaging::Consumer::Make(options_.kafka, small));
  OR_RETURN_IF_ERROR(consumer->Assign(from));
  SampleParser parser;
  while (!Over(client)) {
    OR_ASSIGN(messaging::Consumer::Batch batch, consumer->Poll(kPollWait, kPollRecords));
    for (messaging::Record& record : batch.records) {
      std::optional<std::int64_t> expected;
      {
        const std::lock_guard lock(mutex_);
        expected = stream.OldPlace(record.partition);
      }
      // One offset is the end of a transaction; more may be records that Kafka just dropped.
      if (expected && record.offset > *expected + 1) {
        OR_RETURN_IF_ERROR(CheckKept(client, *admin));
      }
      if (!OfferOld(client, record, parser)) return {};
    }
    const std::lock_guard lock(mutex_);
    if (Over(client)) return {};
    for (const messaging::EndOfPartition& end : batch.ends) {
      stream.MoveOld(end.at.partition, end.next);
    }
    if (stream.Join(live_)) return {};
  }
  return {};
}

Result<> TelemetryStreams::CheckKept(Client& client, messaging::Admin& admin) {
  OR_ASSIGN(const Offsets first, admin.OffsetsAt(kTopic, ArrivalTime{0}, kKafkaDeadline));
  OR_ASSIGN(const Offsets ends, admin.HighWatermarks(kTopic, kKafkaDeadline));
  bool gap = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, next] : client.stream.OldPlaces()) {
      if (next >= first.at(partition) && next <= ends.at(partition)) continue;
      client.stream.Replace(partition, first.at(partition));
      gap = gap || client.stream.request().after->contains(partition);
    }
  }
  if (!gap) return {};
  gaps_.Add();
  while (WaitForRoom(client, 0)) {
    const std::lock_guard lock(mutex_);
    if (Over(client)) return {};
    const std::string from = FormatOffsets(client.stream.Place(live_));
    if (client.stream.Tell("event: gap\ndata: {\"from\":\"" + from + "\"}\n", live_)) break;
  }
  return {};
}

bool TelemetryStreams::OfferOld(Client& client, messaging::Record& record, SampleParser& parser) {
  const auto tenant = messaging::FindHeader(record.headers, "tenant");
  const Sample* sample = nullptr;
  if (tenant == client.stream.request().tenant) {
    const Result<const Sample*> parsed = parser.Parse(record);
    if (parsed && (*parsed)->tenant == *tenant) sample = *parsed;
  }
  for (std::size_t room = options_.queue_bytes / 2; WaitForRoom(client, room); room = 0) {
    const std::lock_guard lock(mutex_);
    if (Over(client)) return false;
    const auto sent = client.stream.OfferOld(record.partition, record.offset, sample, live_);
    if (sent == TelemetryStream::Sent::kYes) events_.Add();
    if (sent != TelemetryStream::Sent::kFull) return true;
  }
  return false;
}

bool TelemetryStreams::WaitForRoom(Client& client, std::size_t bytes) {
  const SteadyTime until = clock_.Now() + kPatience;
  while (!client.stream.out().WaitForRoom(bytes, kStep)) {
    if (Over(client)) return false;
    if (clock_.Now() < until) continue;
    const std::lock_guard lock(mutex_);
    CutOff(client);
    return false;
  }
  return true;
}

}  // namespace outrigger::data_pusher
