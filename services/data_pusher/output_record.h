// SPDX-License-Identifier: Apache-2.0
// OutputRecord: a record of out.TENANT, taken apart and checked, so that nobody trusts what a model
// (or whoever writes its topic) says.
//
// Threads:  pure functions.
// See also: docs/formats/out.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/messaging/record.h"
#include "outrigger/store/history.h"

namespace outrigger::data_pusher {

struct OutputColumn {
  std::string name;
  std::vector<store::HistoryValue> values;  // one a row
};

struct OutputRecord {
  std::string asset;
  std::vector<std::int64_t> times;  // Unix ms, one a row
  std::vector<OutputColumn> columns;
};

// Errors: kCorrupt - not an output; kResourceExhausted - more than 100,000 rows.
Result<OutputRecord> ParseOutput(std::string_view json);

// The tenant of a topic such as out.TENANT; empty when it is none.
std::string_view TenantOfTopic(std::string_view topic, std::string_view prefix);

// "topic:partition:offset".
std::string SourceOf(const messaging::Record& record);

// The record's ce_id; one that is missing or long is replaced by what names it as well.
std::string IdentityOf(const messaging::Record& record);

}  // namespace outrigger::data_pusher
