// SPDX-License-Identifier: Apache-2.0
// Telemetry reader: turns a request's body into records in one pass, as strictly as base/json.h, so
// that one bad record costs no other and a body that is no JSON costs nothing.
//
// What breaks the text itself (syntax, encoding, depth) refuses the body, or the line of NDJSON.
// What is wrong inside a record that can be read on (a duplicate key, NaN, a number beyond a
// double, a wrong type) refuses that record. Threads: pure functions. See also:
// docs/formats/json.md
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "data_collector/raw_record.h"

namespace outrigger::data_collector {

struct RawBatch {
  bool lone = false;  // the body is one object: pointers carry no index
  std::vector<RawRecord> records;
};

struct BodyFault {
  int status = 400;  // 400: no JSON; 413: too many records; 422: JSON of another shape
  std::string code;
  std::string detail;
};

// A body of application/json: an object, or an array of them.
std::expected<RawBatch, BodyFault> ReadJson(std::string_view body, std::size_t max_records);

// A body of application/x-ndjson: an object a line; blank lines are skipped.
std::expected<RawBatch, BodyFault> ReadNdjson(std::string_view body, std::size_t max_records);

}  // namespace outrigger::data_collector
