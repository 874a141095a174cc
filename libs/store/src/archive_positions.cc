// SPDX-License-Identifier: Apache-2.0
#include "archive_positions.h"

#include <algorithm>
#include <vector>

namespace outrigger::store {

Result<std::map<ArchivePlace, std::int64_t>> ReadPositions(Database& archive,
                                                           std::span<const ArchivePlace> places) {
  std::vector<ArchivePlace> sorted(places.begin(), places.end());
  std::ranges::sort(sorted);  // one order of locks for everybody
  return archive.Run(
      std::nullopt, [&](Transaction& transaction) -> Result<std::map<ArchivePlace, std::int64_t>> {
        std::map<ArchivePlace, std::int64_t> positions;
        for (const ArchivePlace& place : sorted) {
          OR_ASSIGN(const Rows made,
                    transaction.Query("INSERT INTO archive_offset (topic, partition, next_offset) "
                                      "VALUES ($1, $2, 0) ON CONFLICT DO NOTHING "
                                      "RETURNING next_offset",
                                      {place.topic, place.partition}));
          if (!made.empty()) {
            positions[place] = made[0].Int(0);
            continue;
          }
          OR_ASSIGN(const Rows found, transaction.Query("SELECT next_offset FROM archive_offset "
                                                        "WHERE topic = $1 AND partition = $2",
                                                        {place.topic, place.partition}));
          positions[place] = found.empty() ? 0 : found[0].Int(0);
        }
        return positions;
      });
}

Result<> MovePositions(Transaction& transaction, std::span<const ArchiveMove> moves) {
  std::vector<ArchiveMove> sorted(moves.begin(), moves.end());
  std::ranges::sort(sorted, {}, &ArchiveMove::place);
  for (const ArchiveMove& move : sorted) {
    OR_ASSIGN(const std::int64_t moved,
              transaction.Execute("UPDATE archive_offset SET next_offset = $4 WHERE topic = $1 AND "
                                  "partition = $2 AND next_offset = $3",
                                  {move.place.topic, move.place.partition, move.first, move.next}));
    if (moved != 1) {
      return Error(ErrorCode::kConflict, "another process archived " + move.place.topic + "/" +
                                             std::to_string(move.place.partition));
    }
  }
  return {};
}

}  // namespace outrigger::store
