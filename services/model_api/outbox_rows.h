// SPDX-License-Identifier: Apache-2.0
// What the boards put into the outbox for saga steps, each at most once while it stays the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "outrigger/store/database.h"

namespace outrigger::model_api {

struct LastRow {
  std::optional<std::string> value;      // nullopt: a tombstone
  std::optional<std::int64_t> revision;  // nullopt: not published yet
};

// The newest row of this topic and key that the outbox still holds.
Result<std::optional<LastRow>> FindLastRow(store::Transaction& transaction,
                                           const std::string& topic, const std::string& key);

// Enqueues the record unless the newest row says the same already. Returns whether it did.
Result<bool> EnqueueIfNew(store::Transaction& transaction, const std::string& topic,
                          const std::string& key, const std::optional<std::string>& value);

}  // namespace outrigger::model_api
