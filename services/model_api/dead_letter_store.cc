// SPDX-License-Identifier: Apache-2.0
#include "model_api/dead_letter_store.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/clock.h"
#include "outrigger/base/json.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;

Json TextOrNull(const store::Row& row, std::size_t column) {
  if (row.IsNull(column)) return nullptr;
  return row.Text(column);
}

// From deployment, end and time.
Json ReplayOf(const store::Row& row, std::size_t column) {
  if (row.IsNull(column)) return nullptr;
  Json replay = {
      {"deployment", row.Text(column)},
      {"end", TextOrNull(row, column + 1)},
      {"time", nullptr}
  };
  if (!row.IsNull(column + 2)) replay["time"] = FormatTime(row.Int(column + 2));
  return replay;
}

// A record as it came: JSON where it is JSON, else text.
Json RecordOf(const store::Row& row, std::size_t column) {
  if (row.IsNull(column)) return nullptr;
  auto parsed = ParseJson(row.Text(column), {.bytes = 17 << 20});
  if (parsed) return std::move(*parsed);
  return row.Text(column);
}

}  // namespace

// Weighed by PostgreSQL without unpacking: records of 17 MiB are neither sent nor held in numbers.
Result<Slice<KeyedItem>> DeadLetters(store::Transaction& transaction, const std::string& model,
                                     const Page& page) {
  OR_ASSIGN(const store::Rows rows, transaction.Query(R"sql(
      SELECT id, request_id, cause, detail, tries, (extract(epoch FROM time) * 1000)::bigint, record, found,
             replay_in, replay_end, (extract(epoch FROM replayed_at) * 1000)::bigint, replay_of
        FROM (SELECT *, count(*) OVER () AS found,
                     sum(coalesce(octet_length(record), 0)) OVER (ORDER BY time DESC, id DESC)
                       - coalesce(octet_length(record), 0) AS before
                FROM (SELECT id, request_id, cause, detail, tries, time, record, replay_in, replay_end, replayed_at, replay_of
                        FROM dead_letter d
                       WHERE model = $1
                         AND ($2::text IS NULL OR (time, id) < (SELECT l.time, l.id FROM dead_letter l WHERE l.tenant = d.tenant AND l.id = $2))
                       ORDER BY time DESC, id DESC LIMIT $3) page) weighed
       WHERE before = 0 OR before + coalesce(octet_length(record), 0) <= $4
       ORDER BY time DESC, id DESC)sql",
                                                      {model, page.after, page.limit + 1,
                                                       static_cast<std::int64_t>(kPageBytes)}));
  Slice<KeyedItem> items;
  for (const store::Row& row : rows) {
    items.rows.emplace_back(row.Text(0), Json{
                                             {"id", row.Text(0)},
                                             {"requestId", TextOrNull(row, 1)},
                                             {"cause", row.Text(2)},
                                             {"detail", row.Text(3)},
                                             {"tries", row.Int(4)},
                                             {"time", FormatTime(row.Int(5))},
                                             {"record", RecordOf(row, 6)},
                                             {"replay", ReplayOf(row, 8)},
                                             {"replayOf", TextOrNull(row, 11)}
    });
  }
  items.cut = !rows.empty() && rows[0].Int(7) > static_cast<std::int64_t>(rows.size());
  return items;
}

}  // namespace outrigger::model_api
