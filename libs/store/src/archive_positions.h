// SPDX-License-Identifier: Apache-2.0
// How archive_offset is read and moved; shared by the stores that archive.
#pragma once

#include <map>
#include <span>

#include "outrigger/store/archive_step.h"
#include "outrigger/store/database.h"

namespace outrigger::store {

Result<std::map<ArchivePlace, std::int64_t>> ReadPositions(Database& archive,
                                                           std::span<const ArchivePlace> places);

// Moves every place inside `transaction`, which must be rolled back on error.
// Errors: kConflict - one of them is not stored where it should be.
Result<> MovePositions(Transaction& transaction, std::span<const ArchiveMove> moves);

}  // namespace outrigger::store
