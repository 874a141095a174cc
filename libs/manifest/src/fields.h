// SPDX-License-Identifier: Apache-2.0
// The manifest's fields: one table, so that parsing, the reference page and the JSON Schema agree.
//
// Threads:  constants.
// See also: docs/formats/manifest.md, manifests/schema/manifest.schema.json
#pragma once

#include "shape.h"

namespace outrigger::manifest {

const Shape& ManifestShape();

inline constexpr std::int64_t kMonthMs = std::int64_t{31} * 86'400'000;
inline constexpr std::int64_t kDayMs = 86'400'000;
// The longest of any span that has no bound of its own: a year. Sums of such spans and of Unix
// times in nanoseconds still fit 64 bits.
inline constexpr std::int64_t kLongestMs = std::int64_t{366} * 86'400'000;
// A window may hold this many steps of its trigger.
inline constexpr std::int64_t kMostPanes = 10'000;

}  // namespace outrigger::manifest
