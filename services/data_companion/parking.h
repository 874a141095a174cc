// SPDX-License-Identifier: Apache-2.0
// Parking: rows that wait for their next try leave the feed's way: the journal holds all that is
// needed to send them again, so that they count as finished there and hold no other back.
//
// Threads:  one at a time; pure.
// See also: docs/formats/journal.md; dataplane, "Identity and exactly once"
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data_companion/row_queue.h"
#include "outrigger/base/result.h"
#include "outrigger/scoring/score_request.h"

namespace outrigger::companion {

// By the name of a row: the values of D/parked/NAME.
using ParkedRows = std::map<std::string, std::string>;

// Names a parked row for good within its deployment.
std::string ParkedKey(const std::string& subject, const PendingRow& row);

// The value of D/parked/NAME.
std::string ParkedText(const std::string& subject, const PendingRow& row,
                       std::span<const scoring::InputColumn> columns);

// The rows, parked, with their subjects, in their order. Errors: kCorrupt.
Result<std::vector<std::pair<std::string, PendingRow>>> ReadParked(
    const ParkedRows& parked, std::span<const scoring::InputColumn> columns);

}  // namespace outrigger::companion
