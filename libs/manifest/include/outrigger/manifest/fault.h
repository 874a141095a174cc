// SPDX-License-Identifier: Apache-2.0
// Faults of a user's document, told so that he can mend all of them in one go.
//
// Threads:  plain values.
// See also: docs/formats/manifest.md (the codes)
#pragma once

#include <string>
#include <vector>

#include "outrigger/base/json.h"

namespace outrigger::manifest {

// One fault. Codes are closed: syntax, encoding, too-deep, too-large, duplicate-key, number-range
// (of the text); unknown-field, missing, type, value, range, length, format, duplicate, count,
// combination (of the members); unsupported (at deploy); not-found, mixed-forms, telemetry-type,
// unit, cycle, two-writers (of mappings); too-many-faults (the list was cut).
struct Fault {
  std::string pointer;  // RFC 6901, relative to the document without its wrapper; "": the document
  std::string code;
  std::string detail;   // a whole sentence: what was found, what is allowed, where, a hint
  std::string found;    // shortened; empty when nothing is there
  std::string allowed;  // empty where the detail says it all
  TextPosition at;      // line 0: unknown
};

struct Warning {
  std::string pointer;
  std::string code;  // mutable-tag, unused, no-digest
  std::string detail;
};

}  // namespace outrigger::manifest
