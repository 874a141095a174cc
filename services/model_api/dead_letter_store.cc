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

// A record as it came: JSON where it is JSON, else text.
Json RecordOf(const store::Row& row, std::size_t column) {
  if (row.IsNull(column)) return nullptr;
  auto parsed = ParseJson(row.Text(column), {.bytes = 17 << 20});
  if (parsed) return std::move(*parsed);
  return row.Text(column);
}

}  // namespace

Result<KeyedItems> DeadLetters(store::Transaction& transaction, const std::string& model,
                               std::int64_t limit, const std::optional<std::string>& after) {
  OR_ASSIGN(const store::Rows rows, transaction.Query(R"sql(
      SELECT id, request_id, cause, detail, tries, (extract(epoch FROM time) * 1000)::bigint, record
        FROM dead_letter d
       WHERE model = $1
         AND ($2::text IS NULL OR (time, id) < (SELECT l.time, l.id FROM dead_letter l WHERE l.tenant = d.tenant AND l.id = $2))
       ORDER BY time DESC, id DESC LIMIT $3)sql",
                                                      {model, after, limit + 1}));
  KeyedItems items;
  for (const store::Row& row : rows) {
    items.emplace_back(row.Text(0), Json{
                                        {"id", row.Text(0)},
                                        {"requestId", TextOrNull(row, 1)},
                                        {"cause", row.Text(2)},
                                        {"detail", row.Text(3)},
                                        {"tries", row.Int(4)},
                                        {"time", FormatTime(row.Int(5))},
                                        {"record", RecordOf(row, 6)}
    });
  }
  return items;
}

}  // namespace outrigger::model_api
