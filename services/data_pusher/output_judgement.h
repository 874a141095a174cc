// SPDX-License-Identifier: Apache-2.0
// JudgeOutput: what a model's output becomes, so that only what its deployment's mapping allows is
// ever telemetry of an asset, however the record came about.
//
// Threads:  pure functions.
// See also: docs/formats/out.md, docs/formats/telemetry.md, docs/formats/dead.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data_pusher/catalog_view.h"
#include "outrigger/messaging/record.h"

namespace outrigger::data_pusher {

struct OutputVerdict {
  std::vector<messaging::OutRecord> telemetry;  // one for each row and asset
  std::string cause;  // of death, as in docs/formats/dead.md; empty: the output is good
  std::string detail;
  bool without_value = false;  // the dead letter leaves out the record's value
  // Whether a newer catalog could say otherwise.
  bool not_mapped() const { return cause == "not-mapped"; }
};

// Judges one record of out.TENANT. The whole record is good or dead.
OutputVerdict JudgeOutput(const messaging::Record& record, const CatalogSnapshot& catalog);

// The record as a dead letter: of what its writer chose (key, value, headers) no more than its
// topic takes.
messaging::OutRecord DeadOutput(const messaging::Record& record, const OutputVerdict& verdict);

}  // namespace outrigger::data_pusher
