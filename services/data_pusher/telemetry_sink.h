// SPDX-License-Identifier: Apache-2.0
// TelemetrySink: `telemetry` into history, so that every sample can be read back by time.
//
// Threads: belongs to its ArchiveLoop.
#pragma once

#include "data_pusher/archive_loop.h"
#include "data_pusher/hot_store.h"
#include "data_pusher/sample.h"
#include "outrigger/store/history.h"

namespace outrigger::data_pusher {

class TelemetrySink final : public ArchiveSink {
 public:
  TelemetrySink(store::HistoryStore& history, HotStore& hot, Clock& clock)
      : history_(history), hot_(hot), clock_(clock) {}

  Result<> Write(std::span<messaging::Record> records,
                 std::span<const store::ArchiveMove> moves) override;
  store::ArchivePositions& positions() override { return history_; }

 private:
  store::HistoryStore& history_;
  HotStore& hot_;
  Clock& clock_;
  SampleParser parser_;
  SteadyTime next_days_;
};

}  // namespace outrigger::data_pusher
