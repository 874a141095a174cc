// SPDX-License-Identifier: Apache-2.0
// Rows of the lifecycle's tables: what the three sources of PostgresLifecycle share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/lifecycle/journal.h"
#include "outrigger/lifecycle/model_store.h"
#include "outrigger/store/database.h"

namespace outrigger::store {

// Text that PostgreSQL takes whatever a container printed: valid UTF-8 without NUL, of bounded
// length.
std::string Clean(std::string_view text);

// Step rows as a JSON array for jsonb_to_recordset.
std::string StepRows(const std::vector<lifecycle::StepRecord>& steps);

// Applies step rows ($1 tenant, $2 saga) by journal.h's rules.
Result<> WriteSteps(Transaction& transaction, const lifecycle::SagaRef& saga,
                    const std::vector<lifecycle::StepRecord>& steps);

// As RecordStateChange(), and says which saga runs from now on.
Result<std::int64_t> ChangeState(Transaction& transaction, const TenantId& tenant,
                                 const ModelName& model, const lifecycle::StateChange& change,
                                 const std::optional<std::string>& running);

// A saga and its model under lock, model first, as Request() takes them.
struct LockedSaga {
  ModelName model;
  lifecycle::Action kind = lifecycle::Action::kDeploy;
  lifecycle::State state = lifecycle::State::kDraft;
  std::string deployment;  // the model's; may be empty
  std::string actor;
  bool superseded = false;
};
// Errors: kConflict - fenced or ended.
Result<LockedSaga> Lock(Transaction& transaction, const lifecycle::SagaRef& saga);

// Runs `work` in a transaction of `tenant`. A deadlock or serialization failure has done nothing
// and becomes kUnavailable: kConflict is kept for what the caller must not repeat.
template <typename Work>
auto Within(Database& database, const std::optional<TenantId>& tenant, Work work)
    -> decltype(work(std::declval<Transaction&>())) {
  auto result = database.Run(tenant, std::move(work));
  if (!result && result.error().code() == ErrorCode::kConflict &&
      result.error().hint() == "serialization")
    return Error(ErrorCode::kUnavailable, result.error().message());
  return result;
}

}  // namespace outrigger::store
