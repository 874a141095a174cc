// SPDX-License-Identifier: Apache-2.0
// RawRecord: one telemetry record as its sender wrote it, before anybody looked up what its asset
// is.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outrigger/http/problem.h"

namespace outrigger::data_collector {

struct RawValue {
  // kBadText: a string that nobody can store (NUL, a lone surrogate). kNotFinite: NaN, infinity, or
  // a number beyond a double's range. kOther: an array or an object.
  enum class Kind { kNumber, kText, kBoolean, kNull, kNotFinite, kBadText, kOther };
  Kind kind = Kind::kNull;
  double number = 0;
  std::optional<std::int64_t> integer;  // of a number that is a whole one
  bool flag = false;
  std::string text;
};

struct RawRecord {
  std::size_t index = 0;  // in the request
  // Pointers are relative to the record. Not empty: the record is refused whatever its asset is.
  std::vector<http::Fault> faults;
  std::optional<RawValue> asset, time, id;
  std::vector<std::pair<std::string, RawValue>> values;  // in ascending order of names
  std::vector<std::pair<std::string, RawValue>> units;   // likewise
};

}  // namespace outrigger::data_collector
