// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/archive_loop.h"

#include <algorithm>
#include <utility>

#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"
#include "outrigger/messaging/trace.h"

namespace outrigger::data_pusher {
namespace {

using messaging::TopicPartition;

constexpr RetrySchedule kRetry{Millis{100}, Millis{3'000}, 0};

Result<Places> PlacesOf(store::ArchivePositions& positions,
                        std::span<const TopicPartition> partitions) {
  std::vector<store::ArchivePlace> asked;
  for (const TopicPartition& at : partitions) asked.push_back({at.topic, at.partition});
  OR_ASSIGN(const auto found, positions.Positions(asked));
  Places places;
  for (const auto& [at, next] : found) places[{at.topic, at.partition}] = next;
  return places;
}

}  // namespace

ArchiveLoop::ArchiveLoop(const ArchiveOptions& options, ArchiveSink& sink, Clock& clock,
                         Metrics& metrics)
    : options_(options),
      sink_(sink),
      clock_(clock),
      records_(metrics.GetCounter("outrigger_pusher_archived_total", "Records archived",
                                  {
                                      {"archive", options.name}
})),
      skipped_(metrics.GetCounter("outrigger_pusher_archive_skipped_total",
                                  "Records that the database refused",
                                  {{"archive", options.name}})),
      behind_(metrics.GetGauge("outrigger_pusher_archive_lag_seconds",
                               "Age of the record that was archived last, 0 at the end",
                               {{"archive", options.name}})),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

ArchiveLoop::~ArchiveLoop() = default;

void ArchiveLoop::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Result<> ended = Read(stop);
    if (ended) return;
    LogError("archive begins anew", {
                                        {"archive", options_.name},
                                        ended.error()
    });
    const SteadyTime until = clock_.Now() + kRetry.Delay(++failures_ + 1, RandomUnit());
    while (clock_.Now() < until && !stop.stop_requested()) SleepFor(Millis{20});
  }
}

Result<> ArchiveLoop::Read(const std::stop_token& stop) {
  messaging::Consumer::Options group;
  group.group = options_.group;
  group.instance = options_.instance;
  OR_ASSIGN(const std::unique_ptr<PlacedReader> reader,
            PlacedReader::Make(
                options_.kafka, group, options_.topics,
                [this](std::span<const TopicPartition> partitions) {
                  auto places = PlacesOf(sink_.positions(), partitions);
                  healthy_ = places.ok();
                  return places;
                },
                clock_));
  ends_.clear();
  while (!stop.stop_requested()) {
    const std::uint64_t generation = reader->generation();
    OR_ASSIGN(messaging::Consumer::Batch batch,
              reader->Poll(options_.idle, one_by_one_ > 0 ? 1 : options_.batch));
    if (reader->generation() != generation) ends_.clear();
    for (const messaging::EndOfPartition& end : batch.ends) ends_[end.at] = end.next;
    const bool idle = batch.records.empty() && batch.ends.empty();
    if (!batch.records.empty() || (idle && !ends_.empty())) {
      OR_RETURN_IF_ERROR(Write(*reader, batch));
    }
  }
  return {};
}

Result<> ArchiveLoop::Write(PlacedReader& reader, messaging::Consumer::Batch& batch) {
  Places next;
  for (const messaging::Record& record : batch.records) {
    next[{record.topic, record.partition}] = record.offset + 1;
  }
  for (const auto& [at, end] : ends_) {
    std::int64_t& place = next.try_emplace(at, end).first->second;
    place = std::max(place, end);
  }
  ends_.clear();
  std::vector<store::ArchiveMove> moves;
  for (const auto& [at, to] : next) {
    if (!reader.Owns(at) || reader.Place(at) == to) continue;
    moves.push_back({
        {at.topic, at.partition},
        reader.Place(at), to
    });
  }
  if (moves.empty()) return {};
  const Result<> written = sink_.Write(batch.records, moves);
  if (!written) {
    Refused(reader, written.error(), batch.records, moves);
    return {};
  }
  healthy_ = true;
  failures_ = 0;
  one_by_one_ -= std::min(one_by_one_, batch.records.size());
  for (const store::ArchiveMove& move : moves) {
    reader.Advance({move.place.topic, move.place.partition}, move.next);
  }
  records_.Add(static_cast<double>(batch.records.size()));
  const double age =
      batch.records.empty()
          ? 0
          : static_cast<double>(clock_.WallMs() - batch.records.back().time.ms) / 1e3;
  behind_.Set(std::max(age, 0.0));
  return {};
}

void ArchiveLoop::Refused(PlacedReader& reader, const Error& error,
                          std::span<messaging::Record> records,
                          std::span<const store::ArchiveMove> moves) {
  const bool bad_value = error.code() == ErrorCode::kInvalidArgument;
  if (bad_value && records.size() == 1) {
    const messaging::Record& record = records.front();
    LogError("record not archived", {
                                        {"topic",     record.topic                        },
                                        {"partition", record.partition                    },
                                        {"offset",    record.offset                       },
                                        {"trace",     messaging::TraceIdOf(record.headers)},
                                        error
    });
    if (sink_.Write({}, moves)) {
      skipped_.Add();
      one_by_one_ -= std::min<std::size_t>(one_by_one_, 1);
      for (const store::ArchiveMove& move : moves) {
        reader.Advance({move.place.topic, move.place.partition}, move.next);
      }
      return;
    }
  } else if (bad_value) {
    one_by_one_ = records.size();
  }
  healthy_ = false;
  const Millis pause = bad_value ? Millis{0} : kRetry.Delay(++failures_ + 1, RandomUnit());
  LogWarning("not archived, from the stored place again",
             {
                 {"archive", options_.name },
                 {"records", records.size()},
                 error
  });
  reader.Rewind(pause);
}

}  // namespace outrigger::data_pusher
