// SPDX-License-Identifier: Apache-2.0
// Dead letters that are tried again, in the tenant of the transaction: which may be, which are, and
// what became of them.
//
// See also: docs/formats/control.md (`D/replay/NAME`), docs/formats/journal.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model_api/journal_view.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

// What a model's deployment may try again at a time: its companion holds them in memory.
inline constexpr std::int64_t kMaxReplays = 10'000;
inline constexpr std::int64_t kMaxReplayBytes = 32 << 20;

struct Letter {
  std::string cause;
  bool whole = false;  // what a model needs is there
};
// Those of `ids` that are dead letters of the model.
Result<std::map<std::string, Letter>> FindLetters(store::Transaction& transaction,
                                                  const std::string& model,
                                                  const std::vector<std::string>& ids);

struct Enqueued {
  std::int64_t letters = 0;
  bool more = false;  // others have to wait until some of these have ended
};
// Tells the companion to try letters again, oldest first, each once. `ids`: these; else all.
// Requires: the model is locked.
Result<Enqueued> EnqueueReplays(store::Transaction& transaction, const TenantId& tenant,
                                const std::string& model, const std::string& deployment,
                                const std::optional<std::vector<std::string>>& ids);

// Notes ends and tombstones their control records. Idempotent.
Result<> SettleReplays(store::Transaction& transaction, const TenantId& tenant,
                       const DeploymentId& deployment,
                       const std::vector<JournalView::ReplayEnd>& ends);
// The deployment ends: what it has not tried again waits for another.
Result<> ReleaseReplays(store::Transaction& transaction, const DeploymentId& deployment);

// Settles what the journal says. Requires: kWorker.
Result<> SettleAllReplays(store::Database& worker, const JournalView& journal);

}  // namespace outrigger::model_api
