// SPDX-License-Identifier: Apache-2.0
// ArchiveMove: how an archive's place in Kafka moves in the same PostgreSQL transaction as what was
// read there, so that nothing is archived twice or left out.
//
// See also: docs/formats/topics.md (archive_offset)
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "outrigger/base/result.h"

namespace outrigger::store {

struct ArchivePlace {
  std::string topic;
  int partition = 0;
  friend auto operator<=>(const ArchivePlace&, const ArchivePlace&) = default;
};

// From the offset that is stored to the next one to read. `first` must be what is stored, or the
// step is refused: a frozen process that wakes up can archive nothing.
struct ArchiveMove {
  ArchivePlace place;
  std::int64_t first = 0;
  std::int64_t next = 0;
};

class ArchivePositions {
 public:
  virtual ~ArchivePositions() = default;
  // The next offset to read of each place. A place never seen begins at 0 and is stored so.
  // Idempotent. Errors: kUnavailable, kTimeout.
  virtual Result<std::map<ArchivePlace, std::int64_t>> Positions(
      std::span<const ArchivePlace> places) = 0;
};

}  // namespace outrigger::store
