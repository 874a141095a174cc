// SPDX-License-Identifier: Apache-2.0
#include "model_api/route_board.h"

#include <nlohmann/json.hpp>

#include "model_api/deployed_model.h"
#include "model_api/feed_topics.h"
#include "model_api/outbox_rows.h"
#include "model_api/replay_store.h"
#include "outrigger/base/json.h"
#include "outrigger/store/outbox.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;
using lifecycle::Workload;

constexpr std::chrono::seconds kKafkaDeadline{5};
constexpr JsonLimits kStored{.bytes = 64 << 20, .depth = 64};
constexpr const char* kCatalog = "catalog";
constexpr const char* kOutputsGroup = "outrigger-outputs";

std::string RouteKey(const Workload& workload) {
  return "route/" + workload.tenant.str() + "/" + workload.deployment.str();
}

Result<std::optional<Json>> StoredRoute(store::Transaction& transaction, const Workload& workload) {
  OR_ASSIGN(const auto rows,
            transaction.Query("SELECT route FROM deployment WHERE tenant = $1 AND id = $2",
                              {workload.tenant, workload.deployment}));
  if (rows.empty() || rows[0].IsNull(0)) return std::optional<Json>{};
  OR_ASSIGN(Json route, ParseJsonOr(rows[0].Text(0), kStored));
  return std::optional<Json>{std::move(route)};
}

}  // namespace

Result<Json> KafkaRouteBoard::BuildRoute(store::Transaction& transaction,
                                         const Workload& workload) {
  const auto source = parts_.definitions(transaction, workload.tenant);
  OR_ASSIGN(const DeployedModel model, LoadDeployed(transaction, workload, *source));
  Json route{
      {"deployment", workload.deployment.str()                                            },
      {"tenant",     workload.tenant.str()                                                },
      {"model",      workload.model.str()                                                 },
      {"version",    model.manifest.version                                               },
      {"digest",     model.digest                                                         },
      {"feed",
       {{"topic", FeedTopicName(workload)}, {"partitions", model.manifest.model.replicas}}}
  };
  AddSides(route, model.mapping);
  return route;
}

Result<> KafkaRouteBoard::Publish(const Workload& workload, bool open) {
  OR_RETURN_IF_ERROR(
      parts_.database.Run(workload.tenant, [&](store::Transaction& transaction) -> Result<> {
        OR_ASSIGN(const auto stored, StoredRoute(transaction, workload));
        if (!stored && !open) return {};  // never opened: nothing to close
        Json route;
        if (open) {
          OR_ASSIGN(route, BuildRoute(transaction, workload));
        } else {
          route = *stored;
        }
        route["open"] = open;
        if (stored == route) return {};
        OR_RETURN_IF_ERROR(
            transaction.Execute("UPDATE deployment SET route = $3::jsonb, revision = NULL WHERE "
                                "tenant = $1 AND id = $2",
                                {workload.tenant, workload.deployment, Dump(route)}));
        OR_RETURN_IF_ERROR(store::Enqueue(transaction, kCatalog, RouteKey(workload), Dump(route)));
        return {};
      }));
  parts_.nudge();
  return {};
}

Result<bool> KafkaRouteBoard::Applied(const Workload& workload) {
  OR_ASSIGN(
      const auto revision,
      parts_.database.Run(
          workload.tenant,
          [&](store::Transaction& transaction) -> Result<std::optional<std::int64_t>> {
            OR_ASSIGN(
                const auto rows,
                transaction.Query(
                    "SELECT revision, route IS NULL FROM deployment WHERE tenant = $1 AND id = $2",
                    {workload.tenant, workload.deployment}));
            if (rows.empty() || rows[0].Bool(1))
              return std::optional<std::int64_t>{0};  // there is no route
            if (!rows[0].IsNull(0)) return std::optional<std::int64_t>{rows[0].Int(0)};
            OR_ASSIGN(const auto last, FindLastRow(transaction, kCatalog, RouteKey(workload)));
            if (!last || !last->revision) return std::optional<std::int64_t>{};
            OR_RETURN_IF_ERROR(transaction.Execute(
                "UPDATE deployment SET revision = $3::bigint WHERE tenant = $1 AND id = $2",
                {workload.tenant, workload.deployment, *last->revision}));
            return last->revision;
          }));
  if (!revision) return false;
  return *revision == 0 || parts_.pusher.Applied(*revision);
}

Result<KafkaRouteBoard::Ends> KafkaRouteBoard::EndsOf(const Workload& workload) {
  OR_ASSIGN(const auto noted, parts_.database.Run(workload.tenant, [&](store::Transaction&
                                                                           transaction) {
    return transaction.Query(
        "SELECT out_ends FROM deployment WHERE tenant = $1 AND id = $2 AND out_ends IS NOT NULL",
        {workload.tenant, workload.deployment});
  }));
  Ends ends;
  if (!noted.empty()) {
    OR_ASSIGN(const Json json, ParseJsonOr(noted[0].Text(0)));
    for (const auto& [topic, partitions] : json.items()) {
      for (const auto& entry : partitions)
        ends[topic][entry[0].get<int>()] = entry[1].get<std::int64_t>();
    }
    return ends;
  }
  Json json = Json::object();
  for (const std::string& topic :
       {"out." + workload.tenant.str(), "dead." + workload.tenant.str()}) {
    OR_ASSIGN(ends[topic], parts_.kafka.EndOffsets(topic, kKafkaDeadline));
    json[topic] = Json::array();
    for (const auto& [partition, offset] : ends[topic]) json[topic].push_back({partition, offset});
  }
  OR_RETURN_IF_ERROR(parts_.database.Run(workload.tenant, [&](store::Transaction& transaction) {
    return transaction.Execute(
        "UPDATE deployment SET out_ends = $3::jsonb WHERE tenant = $1 AND id = $2",
        {workload.tenant, workload.deployment, Dump(json)});
  }));
  return ends;
}

Result<bool> KafkaRouteBoard::OutputsTaken(const Workload& workload) {
  OR_ASSIGN(const Ends ends, EndsOf(workload));
  const std::string out = "out." + workload.tenant.str();
  OR_ASSIGN(auto taken, parts_.kafka.CommittedOffsets(kOutputsGroup, out, kKafkaDeadline));
  for (const auto& [partition, end] : ends.at(out)) {
    if (end > 0 && taken[partition] < end) return false;
  }
  OR_ASSIGN(const auto archived, parts_.database.Run(std::nullopt, [&](store::Transaction&
                                                                           transaction) {
    return transaction.Query(
        "SELECT topic, partition, next_offset FROM archive_offset WHERE topic = $1 OR topic = $2",
        {out, "dead." + workload.tenant.str()});
  }));
  Ends in_tables;
  for (const auto& row : archived)
    in_tables[row.Text(0)][static_cast<int>(row.Int(1))] = row.Int(2);
  for (const auto& [topic, partitions] : ends) {
    for (const auto& [partition, end] : partitions) {
      if (end > 0 && in_tables[topic][partition] < end) return false;
    }
  }
  return true;
}

Result<> KafkaRouteBoard::Remove(const Workload& workload) {
  const std::string control = "control." + workload.tenant.str(),
                    journal = "journal." + workload.tenant.str();
  OR_RETURN_IF_ERROR(
      parts_.database.Run(workload.tenant, [&](store::Transaction& transaction) -> Result<> {
        OR_ASSIGN(const auto route, StoredRoute(transaction, workload));
        if (route)
          OR_RETURN_IF_ERROR(EnqueueIfNew(transaction, kCatalog, RouteKey(workload), std::nullopt));
        // Rows of the deployment that the journal view has not read yet are in the outbox.
        OR_ASSIGN(const auto queued,
                  transaction.Query(
                      "SELECT DISTINCT key FROM outbox WHERE topic = $1 AND starts_with(key, $2)",
                      {control, workload.deployment.str() + "/"}));
        std::set<std::string> keys;
        for (const auto& row : queued) keys.insert(row.Text(0));
        for (std::string& key : parts_.journal.Keys(control, workload.deployment))
          keys.insert(std::move(key));
        for (const std::string& key : keys)
          OR_RETURN_IF_ERROR(EnqueueIfNew(transaction, control, key, std::nullopt));
        OR_RETURN_IF_ERROR(SettleReplays(
            transaction, workload.tenant, workload.deployment,
            parts_.journal.ReplayEnds(workload.tenant, workload.deployment, kMaxReplays)));
        OR_RETURN_IF_ERROR(ReleaseReplays(transaction, workload.deployment));
        for (const std::string& key : parts_.journal.Keys(journal, workload.deployment)) {
          OR_RETURN_IF_ERROR(EnqueueIfNew(transaction, journal, key, std::nullopt));
        }
        return {};
      }));
  parts_.nudge();
  return {};
}

}  // namespace outrigger::model_api
