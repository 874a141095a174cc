// SPDX-License-Identifier: Apache-2.0
// The unit atoms and prefixes of UCUM that this build understands, as tables: to know a new unit,
// add a row.
//
// Threads:  constants.
// See also: docs/formats/manifest.md
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace outrigger::manifest {

// Exponents of the base units. The mole has a dimension of its own: an amount is not a plain
// number here.
enum Base { kMetre, kGram, kSecond, kRadian, kKelvin, kCoulomb, kCandela, kMole, kBaseCount };
using Dimensions = std::array<int, kBaseCount>;

struct UnitAtom {
  std::string_view code;
  long double scale;  // in base units
  Dimensions dimensions;
  bool metric = false;     // takes prefixes
  long double offset = 0;  // value × scale + offset is in base units
  // A logarithm or an arbitrary scale: converts into itself only. Neither such a unit nor one with
  // an offset may stand in a product.
  bool isolated = false;
};

struct UnitPrefix {
  std::string_view code;
  long double scale;
};

// What people write for a unit, and its code.
struct UnitAlias {
  std::string_view text;
  std::string_view code;
};

std::span<const UnitAtom> UnitAtoms();
std::span<const UnitPrefix> UnitPrefixes();
std::span<const UnitAlias> UnitAliases();

}  // namespace outrigger::manifest
