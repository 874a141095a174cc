// SPDX-License-Identifier: Apache-2.0
#include "model_api/outbox_rows.h"

#include "outrigger/store/outbox.h"

namespace outrigger::model_api {

Result<std::optional<LastRow>> FindLastRow(store::Transaction& transaction,
                                           const std::string& topic, const std::string& key) {
  OR_ASSIGN(const auto rows,
            transaction.Query("SELECT value, revision, published_at IS NOT NULL FROM outbox "
                              "WHERE topic = $1 AND key = $2 ORDER BY id DESC LIMIT 1",
                              {topic, key}));
  if (rows.empty()) return std::optional<LastRow>{};
  LastRow last{.value = rows[0].Optional(0), .revision = std::nullopt};
  if (!rows[0].IsNull(1) && rows[0].Bool(2)) last.revision = rows[0].Int(1);
  return std::optional<LastRow>{std::move(last)};
}

Result<bool> EnqueueIfNew(store::Transaction& transaction, const std::string& topic,
                          const std::string& key, const std::optional<std::string>& value) {
  OR_ASSIGN(const auto last, FindLastRow(transaction, topic, key));
  if (last && last->value == value) return false;
  OR_RETURN_IF_ERROR(store::Enqueue(transaction, topic, key, value));
  return true;
}

}  // namespace outrigger::model_api
