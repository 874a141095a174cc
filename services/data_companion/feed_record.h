// SPDX-License-Identifier: Apache-2.0
// FeedRecord: what a record of a feed says, read on the way from Kafka to the companion.
//
// Threads:  pure functions.
// See also: docs/formats/feed.md
#pragma once

#include <optional>
#include <span>
#include <string>

#include "outrigger/base/result.h"
#include "outrigger/messaging/record.h"
#include "outrigger/messaging/trace.h"
#include "outrigger/scoring/feed_progress.h"
#include "outrigger/scoring/row_assembly.h"
#include "outrigger/scoring/value.h"

namespace outrigger::companion {

struct FeedRecord {
  std::int64_t offset = 0;
  std::optional<scoring::Source> source;  // nullopt: repeats cannot be told
  messaging::TraceContext trace;          // none: it began nowhere
  std::string subject;
  std::shared_ptr<const scoring::Sample> sample;  // shared: row assembly and progress keep it
  std::string text;                               // as it came, for a dead letter
  std::string fault;                              // not empty: the record is no feed record
};

// Reads a record; values of unknown columns are left out. A record that breaks its format comes
// with `fault` and without sample.
FeedRecord ReadFeedRecord(messaging::Record record, std::span<const scoring::InputColumn> columns);

}  // namespace outrigger::companion
