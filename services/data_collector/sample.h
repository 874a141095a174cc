// SPDX-License-Identifier: Apache-2.0
// Sample: one record after all checks, in its asset's own units, ready for the topic `telemetry`.
//
// Threads:  plain values and pure functions.
// See also: docs/formats/telemetry.md
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "data_collector/catalog_view.h"
#include "data_collector/raw_record.h"
#include "outrigger/messaging/record.h"

namespace outrigger::data_collector {

using Value = std::variant<double, std::string, bool>;

struct Sample {
  std::string asset;
  std::int64_t time_ms = 0;
  std::string id;                                     // the sender's; may be empty
  std::vector<std::pair<std::string, Value>> values;  // in ascending order of names
};

struct SampleRules {
  std::int64_t now_ms = 0;
  std::int64_t max_ahead_ms = 300'000;  // event times further in the future are refused
  std::int64_t max_age_ms = 0;          // older ones too; 0: never
};

struct SampleRefusal {
  std::vector<http::Fault> faults;  // pointers relative to the record
  // Newer news of the catalog might judge otherwise.
  bool by_catalog = false;
};

// Judges a record of `tenant` against what its asset is.
std::expected<Sample, SampleRefusal> JudgeRecord(const RawRecord& record, std::string_view tenant,
                                                 const CatalogView& catalog,
                                                 const SampleRules& rules);

// Identity of a sample (dataplane.md section 3): the header ce_id.
std::string SampleId(std::string_view tenant, const Sample& sample);

// The record of `telemetry`.
messaging::OutRecord ToTelemetry(std::string_view tenant, const Sample& sample,
                                 std::string_view traceparent);

}  // namespace outrigger::data_collector
