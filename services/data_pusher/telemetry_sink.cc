// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/telemetry_sink.h"

#include <string>
#include <vector>

#include "outrigger/base/log.h"

namespace outrigger::data_pusher {
namespace {

constexpr Millis kDaysEvery{3'600'000};
// What an index takes; the collector accepts less.
constexpr std::size_t kIdBytes = 128;
constexpr std::size_t kTelemetryBytes = 512;

bool Fits(const Sample& sample) {
  if (sample.tenant.size() > kIdBytes || sample.asset.size() > kIdBytes) return false;
  for (const SampleValue& value : sample.values) {
    if (value.telemetry.size() > kTelemetryBytes) return false;
  }
  return true;
}

}  // namespace

Result<> TelemetrySink::Write(std::span<messaging::Record> records,
                              std::span<const store::ArchiveMove> moves) {
  if (clock_.Now() >= next_days_) {
    if (const Result<> made = history_.MakeDaysAhead(); made) {
      next_days_ = clock_.Now() + kDaysEvery;
    } else {
      LogWarning("days not made ahead", {made.error()});
    }
  }
  std::vector<store::HistoryRow> rows;
  for (messaging::Record& record : records) {
    const Result<const Sample*> parsed = parser_.Parse(record);
    if (!parsed || !Fits(**parsed)) continue;  // the router counts and tells it
    const Sample& sample = **parsed;
    hot_.Put(sample, record.partition, record.offset);
    for (const SampleValue& value : sample.values) {
      rows.push_back({std::string(sample.tenant), std::string(sample.asset),
                      std::string(value.telemetry), sample.time, value.ToHistory()});
    }
  }
  return history_.Append(rows, moves);
}

}  // namespace outrigger::data_pusher
