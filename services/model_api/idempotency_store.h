// SPDX-License-Identifier: Apache-2.0
// Records of answered requests, in the tenant of the transaction.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "outrigger/store/database.h"

namespace outrigger::model_api {

struct KeptAnswer {
  std::string route;
  std::string body_hash;
  int status = 0;
  std::string response;  // JSON text
};

// Takes the key's lock until the end of the transaction. False: another request holds it.
Result<bool> TryLockKey(store::Transaction& transaction, const TenantId& tenant,
                        const std::string& key);
// The record of the key if it is younger than `age`.
Result<std::optional<KeptAnswer>> FindKept(store::Transaction& transaction, const std::string& key,
                                           std::chrono::milliseconds age);
Result<> Keep(store::Transaction& transaction, const TenantId& tenant, const std::string& key,
              const KeptAnswer& answer);
Result<> ForgetKept(store::Transaction& transaction, std::chrono::milliseconds age);

}  // namespace outrigger::model_api
