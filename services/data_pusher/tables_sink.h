// SPDX-License-Identifier: Apache-2.0
// TablesSink: out.TENANT into model_output and dead.TENANT into dead_letter, so that both can be
// asked long after the topics forgot them.
//
// Threads:  belongs to its ArchiveLoop.
// See also: docs/formats/out.md, docs/formats/dead.md
#pragma once

#include <optional>
#include <vector>

#include "data_pusher/archive_loop.h"
#include "outrigger/base/metrics.h"
#include "outrigger/store/history_outputs.h"

namespace outrigger::data_pusher {

class TablesSink final : public ArchiveSink {
 public:
  explicit TablesSink(store::OutputStore& outputs) : outputs_(outputs) {}

  Result<> Write(std::span<messaging::Record> records,
                 std::span<const store::ArchiveMove> moves) override;
  store::ArchivePositions& positions() override { return outputs_; }

 private:
  store::OutputStore& outputs_;
};

// The rows of an output record; none when it is not readable (it becomes a dead letter elsewhere).
std::vector<store::OutputRow> OutputRowsOf(const messaging::Record& record);
// nullopt: not a topic of dead letters.
std::optional<store::DeadLetterRow> DeadLetterOf(const messaging::Record& record);

}  // namespace outrigger::data_pusher
