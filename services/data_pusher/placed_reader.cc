// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/placed_reader.h"

#include <algorithm>
#include <utility>

#include "outrigger/base/log.h"

namespace outrigger::data_pusher {
namespace {

using messaging::TopicPartition;

constexpr Millis kFindAgain{500};
constexpr Millis kComplainEvery{10'000};
constexpr std::size_t kStep = 16;  // a record may have 17 MiB: their number alone bounds nothing

}  // namespace

Result<std::unique_ptr<PlacedReader>> PlacedReader::Make(const messaging::KafkaOptions& kafka,
                                                         const messaging::Consumer::Options& group,
                                                         const std::vector<std::string>& topics,
                                                         FindPlaces find, Clock& clock) {
  std::unique_ptr<PlacedReader> reader(new PlacedReader(std::move(find), clock));
  OR_ASSIGN(reader->consumer_, messaging::Consumer::Make(kafka, group));
  OR_RETURN_IF_ERROR(reader->consumer_->Subscribe(
      topics,
      [self = reader.get()](const std::vector<TopicPartition>& taken) {
        for (const TopicPartition& each : taken) self->places_[each] = std::nullopt;
        self->next_find_ = {};
        ++self->generation_;
      },
      [self = reader.get()](const std::vector<TopicPartition>& lost) {
        for (const TopicPartition& each : lost) self->places_.erase(each);
        ++self->generation_;
      }));
  return reader;
}

bool PlacedReader::Owns(const TopicPartition& at) const {
  const auto found = places_.find(at);
  return found != places_.end() && found->second.has_value();
}

Result<messaging::Consumer::Batch> PlacedReader::Gather(Millis wait, std::size_t max) {
  messaging::Consumer::Batch gathered;
  std::size_t bytes = 0;
  for (;;) {
    const std::uint64_t before = generation_;
    const std::size_t step = std::min(kStep, max - gathered.records.size());
    OR_ASSIGN(messaging::Consumer::Batch batch, consumer_->Poll(wait, step));
    if (generation_ != before && !gathered.records.empty()) {
      // Whose these are is not known any more; all are read again from their places.
      Rewind(Millis{0});
      return messaging::Consumer::Batch{};
    }
    const bool more = batch.records.size() == step;
    for (messaging::Record& record : batch.records) {
      bytes += record.value ? record.value->size() : 0;
      gathered.records.push_back(std::move(record));
    }
    gathered.ends.insert(gathered.ends.end(), batch.ends.begin(), batch.ends.end());
    if (!more || gathered.records.size() >= max || bytes >= kBytes) return gathered;
    wait = Millis{0};
  }
}

Result<messaging::Consumer::Batch> PlacedReader::Poll(Millis wait, std::size_t max) {
  OR_ASSIGN(messaging::Consumer::Batch batch, Gather(wait, max));
  // A partition that changed hands while this was polled has no place: what was read of it goes.
  std::erase_if(batch.records, [&](const messaging::Record& record) {
    return !Owns({record.topic, record.partition});
  });
  std::erase_if(batch.ends, [&](const messaging::EndOfPartition& end) { return !Owns(end.at); });
  FindMissing();
  return batch;
}

void PlacedReader::FindMissing() {
  std::vector<TopicPartition> missing;
  for (const auto& [at, place] : places_) {
    if (!place) missing.push_back(at);
  }
  if (missing.empty() || clock_.Now() < next_find_) return;
  const Result<Places> found = find_(missing);
  next_find_ = clock_.Now() + kFindAgain;
  if (!found) {
    const bool said = clock_.Now() < next_complaint_;
    if (!said) next_complaint_ = clock_.Now() + kComplainEvery;
    Log(said ? LogLevel::kDebug : LogLevel::kWarning, "places not known",
        {
            {"partitions", missing.size()},
            found.error()
    });
    if (!consumer_->Pause(missing)) return;  // lost meanwhile
    return;
  }
  std::vector<TopicPartition> placed;
  for (const TopicPartition& at : missing) {
    const auto place = found->find(at);
    if (place == found->end()) continue;
    if (Result<> sought = consumer_->Seek(at, place->second); !sought) {
      LogWarning("place not taken",
                 {
                     {"topic",     at.topic    },
                     {"partition", at.partition},
                     sought.error()
      });
      continue;
    }
    places_[at] = place->second;
    placed.push_back(at);
  }
  if (const Result<> resumed = consumer_->Resume(placed); !resumed) {
    LogWarning("partitions not resumed", {resumed.error()});
    for (const TopicPartition& at : placed) places_[at] = std::nullopt;
  }
}

void PlacedReader::Rewind(Millis pause) {
  std::vector<TopicPartition> all;
  for (auto& [at, place] : places_) {
    place.reset();
    all.push_back(at);
  }
  next_find_ = clock_.Now() + pause;
  if (const Result<> paused = consumer_->Pause(all); !paused) {
    LogWarning("partitions not paused", {paused.error()});  // read and thrown away meanwhile
  }
}

}  // namespace outrigger::data_pusher
