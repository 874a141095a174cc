// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/telemetry_stream.h"

#include <algorithm>
#include <utility>

#include "data_pusher/json_text.h"

namespace outrigger::data_pusher {

std::optional<std::string> TelemetryEvent(const Sample& sample, const StreamFilter& filter) {
  if (!filter.assets.empty() && !filter.assets.contains(sample.asset)) return std::nullopt;
  std::string values;
  for (const SampleValue& value : sample.values) {
    if (!filter.telemetries.empty() && !filter.telemetries.contains(value.telemetry)) continue;
    if (!values.empty()) values += ',';
    AppendQuoted(values, value.telemetry);
    values += ':';
    values += value.raw;
  }
  if (values.empty()) return std::nullopt;
  std::string event = "event: telemetry\ndata: {\"asset\":";
  AppendQuoted(event, sample.asset);
  event += ",\"time\":" + std::to_string(sample.time) + ",\"values\":{" + values + "}}\n";
  return event;
}

TelemetryStream::TelemetryStream(StreamRequest request, const Offsets& live,
                                 http::BodyStreamPtr out)
    : request_(std::move(request)), out_(std::move(out)), last_told_(SystemClock().Now()) {
  for (const auto& [partition, next] : live) {
    Partition& place = partitions_[partition];
    if (!request_.after) {
      place = {next, true};
    } else if (const auto found = request_.after->find(partition); found != request_.after->end()) {
      place.next = found->second;
    }
  }
}

TelemetryStream::Sent TelemetryStream::OfferLive(int partition, std::int64_t offset,
                                                 const Sample* sample, const Offsets& live) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || !found->second.live || offset < found->second.next) {
    return Sent::kNothing;
  }
  return Send(sample, live);
}

TelemetryStream::Sent TelemetryStream::OfferOld(int partition, std::int64_t offset,
                                                const Sample* sample, const Offsets& live) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || found->second.live || offset < found->second.next) {
    return Sent::kNothing;
  }
  const std::int64_t before = std::exchange(found->second.next, offset + 1);
  const Sent sent = Send(sample, live);
  if (sent == Sent::kFull) found->second.next = before;
  return sent;
}

TelemetryStream::Sent TelemetryStream::Send(const Sample* sample, const Offsets& live) {
  if (sample == nullptr) return Sent::kNothing;
  const std::optional<std::string> event = TelemetryEvent(*sample, request_.filter);
  if (!event) return Sent::kNothing;
  return Tell(*event, live) ? Sent::kYes : Sent::kFull;
}

std::optional<std::int64_t> TelemetryStream::OldPlace(int partition) const {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || found->second.live) return std::nullopt;
  return found->second.next;
}

Offsets TelemetryStream::OldPlaces() const {
  Offsets places;
  for (const auto& [partition, place] : partitions_) {
    if (!place.live) places[partition] = place.next;
  }
  return places;
}

void TelemetryStream::MoveOld(int partition, std::int64_t next) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || found->second.live) return;
  found->second.next = std::max(found->second.next, next);
}

void TelemetryStream::Replace(int partition, std::int64_t to) { partitions_[partition].next = to; }

bool TelemetryStream::Join(const Offsets& live) {
  bool all = true;
  for (auto& [partition, place] : partitions_) {
    if (!place.live) place.live = place.next >= live.at(partition);
    all = all && place.live;
  }
  return all;
}

Offsets TelemetryStream::Place(const Offsets& live) const {
  Offsets places;
  for (const auto& [partition, place] : partitions_) {
    places[partition] = place.live ? std::max(place.next, live.at(partition)) : place.next;
  }
  return places;
}

bool TelemetryStream::Tell(const std::string& text, const Offsets& live) {
  if (!out_->Write(text + "id: " + FormatOffsets(Place(live)) + "\n\n")) return false;
  last_told_ = SystemClock().Now();
  return true;
}

}  // namespace outrigger::data_pusher
