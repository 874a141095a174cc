// SPDX-License-Identifier: Apache-2.0
// Dead letters of a model, in the tenant of the transaction.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model_api/paging.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// Items with their keys for paging, as the API shows them.
using KeyedItems = std::vector<std::pair<std::string, nlohmann::json>>;

// Newest first, at most limit + 1; `after` is the key of the last one shown.
Result<KeyedItems> DeadLetters(store::Transaction& transaction, const std::string& model,
                               std::int64_t limit, const std::optional<std::string>& after);

}  // namespace outrigger::model_api
