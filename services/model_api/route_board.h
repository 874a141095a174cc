// SPDX-License-Identifier: Apache-2.0
// KafkaRouteBoard: publishes a deployment's route in `catalog`, and knows from the pusher's words
// when it is in force and when all that the deployment said was taken.
//
// Threads:  every method may be called concurrently.
// See also: docs/formats/catalog.md, docs/formats/pusher-status.md
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model_api/journal_view.h"
#include "model_api/pusher_view.h"
#include "outrigger/lifecycle/boards.h"
#include "outrigger/manifest/mapping.h"
#include "outrigger/messaging/kafka.h"
#include "outrigger/store/database.h"

namespace outrigger::model_api {

class KafkaRouteBoard final : public lifecycle::RouteBoard {
 public:
  // Definitions of assets and types as the transaction's tenant sees them.
  using Definitions = std::function<std::unique_ptr<manifest::DefinitionSource>(store::Transaction&,
                                                                                const TenantId&)>;

  struct Parts {
    store::Database& database;  // Access::kWorker
    messaging::Admin& kafka;
    const PusherView& pusher;
    const JournalView& journal;
    Definitions definitions;
    std::function<void()> nudge;
  };
  explicit KafkaRouteBoard(Parts parts) : parts_(std::move(parts)) {}

  Result<> Publish(const lifecycle::Workload& workload, bool open) override;
  Result<bool> Applied(const lifecycle::Workload& workload) override;
  Result<bool> OutputsTaken(const lifecycle::Workload& workload) override;
  Result<> Remove(const lifecycle::Workload& workload) override;

 private:
  using Ends = std::map<std::string, std::map<int, std::int64_t>>;  // topic -> partition -> offset

  Result<nlohmann::json> BuildRoute(store::Transaction& transaction,
                                    const lifecycle::Workload& workload);
  // Ends of `out` and `dead`, noted once a deployment.
  Result<Ends> EndsOf(const lifecycle::Workload& workload);

  Parts parts_;
};

}  // namespace outrigger::model_api
