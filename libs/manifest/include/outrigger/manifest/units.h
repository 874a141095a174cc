// SPDX-License-Identifier: Apache-2.0
// Units: UCUM codes and the conversions between them, so that a model gets degrees Celsius when a
// machine speaks Fahrenheit.
//
// Threads:  pure functions.
// See also: docs/formats/manifest.md (what is understood)
#pragma once

#include <string>
#include <string_view>

#include "outrigger/base/result.h"

namespace outrigger::manifest {

// value in the target unit = value in the source unit × scale + offset.
struct Conversion {
  double scale = 1;
  double offset = 0;
  double Apply(double value) const { return value * scale + offset; }
  bool identity() const { return scale == 1 && offset == 0; }
  friend bool operator==(const Conversion&, const Conversion&) = default;
};

// Whether `code` is a UCUM code (case-sensitive form) that this build understands.
bool IsUnit(std::string_view code);

// What to write instead of a `code` that is none: "did you mean \"Cel\"?", or what units look like.
std::string UnitHint(std::string_view code);

// How a value in unit `from` becomes one in unit `to`. Equal codes convert by identity, annotations
// ("{rpm}") count as 1.
// Errors: kInvalidArgument - one of them is no unit, or they measure different things; the hint
//         says which.
Result<Conversion> ConvertUnit(std::string_view from, std::string_view to);

}  // namespace outrigger::manifest
