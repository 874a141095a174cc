// SPDX-License-Identifier: Apache-2.0
// Dead letters of a model, in the tenant of the transaction.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "model_api/paging.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// Items with their keys for paging, as the API shows them.
using KeyedItem = std::pair<std::string, nlohmann::json>;
using KeyedItems = std::vector<KeyedItem>;

// Newest first, at most limit + 1, or fewer where their records are large.
Result<Slice<KeyedItem>> DeadLetters(store::Transaction& transaction, const std::string& model,
                                     const Page& page);

}  // namespace outrigger::model_api
