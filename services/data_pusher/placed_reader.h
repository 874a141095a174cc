// SPDX-License-Identifier: Apache-2.0
// PlacedReader: reads partitions shared out by a consumer group from places that somebody else
// keeps, so that a record counts only where its effect and its place were recorded together.
//
// Threads: belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "outrigger/base/clock.h"
#include "outrigger/messaging/kafka.h"

namespace outrigger::data_pusher {

using Places = std::map<messaging::TopicPartition, std::int64_t>;  // next offset to read

class PlacedReader {
 public:
  // Where reading of these partitions begins. Errors: any; it is asked again.
  using FindPlaces = std::function<Result<Places>(std::span<const messaging::TopicPartition>)>;

  static Result<std::unique_ptr<PlacedReader>> Make(const messaging::KafkaOptions& kafka,
                                                    const messaging::Consumer::Options& group,
                                                    const std::vector<std::string>& topics,
                                                    FindPlaces find, Clock& clock);

  // Waits at most `wait` for the first record, then takes what is there: at most `max` records, and
  // no more once they have `kBytes`. Only partitions whose place is known, in order, without a gap.
  // Errors: fatal for the object.
  static constexpr std::size_t kBytes = 8 << 20;
  Result<messaging::Consumer::Batch> Poll(Millis wait, std::size_t max);

  // The place reached so far; moved by Advance() when what lies before it is recorded.
  std::int64_t Place(const messaging::TopicPartition& at) const { return *places_.at(at); }
  bool Owns(const messaging::TopicPartition& at) const;
  void Advance(const messaging::TopicPartition& at, std::int64_t next) { places_[at] = next; }

  // Grows whenever partitions are taken or lost: an end seen before says nothing any more.
  std::uint64_t generation() const { return generation_; }

  // Forgets every place: after `pause` they are asked for anew.
  void Rewind(Millis pause);

  messaging::Consumer& consumer() { return *consumer_; }

 private:
  PlacedReader(FindPlaces find, Clock& clock) : find_(std::move(find)), clock_(clock) {}
  Result<messaging::Consumer::Batch> Gather(Millis wait, std::size_t max);
  void FindMissing();

  const FindPlaces find_;
  Clock& clock_;
  std::map<messaging::TopicPartition, std::optional<std::int64_t>> places_;
  SteadyTime next_find_;
  SteadyTime next_complaint_;
  std::uint64_t generation_ = 0;
  std::unique_ptr<messaging::Consumer> consumer_;
};

}  // namespace outrigger::data_pusher
