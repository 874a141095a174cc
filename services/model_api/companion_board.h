// SPDX-License-Identifier: Apache-2.0
// KafkaCompanionBoard: tells companions by `control.TENANT` and reads their words from
// `journal.TENANT`, so that sagas never talk to a companion.
//
// Threads:  every method may be called concurrently.
// See also: docs/formats/control.md, docs/formats/journal.md
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "model_api/journal_view.h"
#include "outrigger/lifecycle/boards.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

class KafkaCompanionBoard final : public lifecycle::CompanionBoard {
 public:
  // `database` is opened with Access::kWorker; `nudge` tells the relay that there is something to
  // publish.
  KafkaCompanionBoard(store::Database& database, const JournalView& journal,
                      std::function<void()> nudge)
      : database_(database), journal_(journal), nudge_(std::move(nudge)) {}

  Result<> Start(const lifecycle::Workload& workload) override;
  Result<> Want(const lifecycle::Workload& workload, lifecycle::CompanionPhase phase,
                const std::string& endpoint) override;
  Result<> Announce(const lifecycle::Workload& workload) override;
  std::optional<lifecycle::CompanionStatus> Status(const lifecycle::Workload& workload) override;
  Millis Listening() override { return journal_.Listening(); }

 private:
  Result<> WantWithin(store::Transaction& transaction, const lifecycle::Workload& workload,
                      const std::string& desired, const std::string& endpoint);

  store::Database& database_;
  const JournalView& journal_;
  const std::function<void()> nudge_;
};

}  // namespace outrigger::model_api
