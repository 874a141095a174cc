// SPDX-License-Identifier: Apache-2.0
#include "model_api/companion_board.h"

#include <nlohmann/json.hpp>

#include "model_api/feed_topics.h"
#include "model_api/outbox_rows.h"
#include "outrigger/base/json.h"
#include "outrigger/manifest/manifest.h"
#include "outrigger/store/outbox.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;
using lifecycle::CompanionPhase;
using lifecycle::Workload;

std::string ControlTopic(const Workload& workload) { return "control." + workload.tenant.str(); }
std::string Key(const Workload& workload, std::string_view what) {
  return workload.deployment.str() + "/" + std::string(what);
}

std::string DesiredName(CompanionPhase phase) {
  switch (phase) {
    case CompanionPhase::kRunning:
      return "run";
    case CompanionPhase::kDrained:
      return "drain";
    case CompanionPhase::kStopped:
      return "stop";
    case CompanionPhase::kUnknown:
    case CompanionPhase::kPaused:
      return "pause";
  }
  return "pause";
}

// The deployment's spec as docs/formats/control.md says, from the stored manifest and route.
Result<Json> BuildSpec(store::Transaction& transaction, const Workload& workload) {
  OR_ASSIGN(const auto rows,
            transaction.Query("SELECT m.manifest, d.digest FROM model m JOIN deployment d ON "
                              "d.tenant = m.tenant AND d.model = m.name "
                              "WHERE m.tenant = $1 AND m.name = $2 AND d.id = $3",
                              {workload.tenant, workload.model, workload.deployment}));
  if (rows.empty()) return Error(ErrorCode::kNotFound, "the model or its deployment is gone");
  OR_ASSIGN(const Json document, ParseJsonOr(rows[0].Text(0), {.bytes = 4 << 20, .depth = 64}));
  const auto parsed = manifest::ParseManifest(document);
  if (!parsed.manifest)
    return Error(ErrorCode::kCorrupt, "the stored manifest is not valid any more");
  const manifest::Manifest& model = *parsed.manifest;
  OR_ASSIGN(const auto types,
            transaction.Query(
                "SELECT DISTINCT o.column_name, t.type FROM model_mapping o "
                "JOIN asset a ON a.tenant = o.tenant AND a.id = o.asset "
                "JOIN telemetry_definition t ON t.tenant = o.tenant AND t.name = o.telemetry AND "
                "((t.owner_kind = 'type' AND t.owner_id = a.type) OR (t.owner_kind = 'asset' AND "
                "t.owner_id = a.id)) "
                "WHERE o.tenant = $1 AND o.model = $2 AND o.direction = 'output'",
                {workload.tenant, workload.model}));
  Json outputs = Json::object();
  for (const auto& column : model.outputs)
    outputs[column.name] = {
        {"type", column.read_as_string ? "string" : "number"}
    };
  for (const auto& row : types)
    outputs[row.Text(0)] = {
        {"type", row.Text(1)}
    };
  return Json{
      {"deployment", workload.deployment.str()                                                 },
      {"tenant",     workload.tenant.str()                                                     },
      {"model",      workload.model.str()                                                      },
      {"version",    model.version                                                             },
      {"digest",     rows[0].Text(1)                                                           },
      {"manifest",   manifest::ToJson(model)                                                   },
      {"feed",       {{"topic", FeedTopicName(workload)}, {"partitions", model.model.replicas}}},
      {"outputs",    outputs                                                                   }
  };
}

}  // namespace

Result<> KafkaCompanionBoard::Start(const Workload& workload) {
  OR_RETURN_IF_ERROR(
      database_.Run(workload.tenant, [&](store::Transaction& transaction) -> Result<> {
        OR_ASSIGN(const Json spec, BuildSpec(transaction, workload));
        OR_RETURN_IF_ERROR(
            EnqueueIfNew(transaction, ControlTopic(workload), Key(workload, "spec"), Dump(spec)));
        return WantWithin(transaction, workload, "pause", "");
      }));
  nudge_();
  return {};
}

Result<> KafkaCompanionBoard::Want(const Workload& workload, CompanionPhase phase,
                                   const std::string& endpoint) {
  OR_RETURN_IF_ERROR(database_.Run(workload.tenant, [&](store::Transaction& transaction) {
    return WantWithin(transaction, workload, DesiredName(phase), endpoint);
  }));
  nudge_();
  return {};
}

Result<> KafkaCompanionBoard::WantWithin(store::Transaction& transaction, const Workload& workload,
                                         const std::string& desired, const std::string& endpoint) {
  std::string known = endpoint;
  if (known.empty()) {
    OR_ASSIGN(const auto last,
              FindLastRow(transaction, ControlTopic(workload), Key(workload, "state")));
    const auto state = last ? last->value : journal_.State(workload.tenant, workload.deployment);
    if (state) {
      OR_ASSIGN(const Json json, ParseJsonOr(*state));
      known = json.value("endpoint", "");
    }
  }
  OR_RETURN_IF_ERROR(EnqueueIfNew(transaction, ControlTopic(workload), Key(workload, "state"),
                                  Dump(Json{
                                      {"desired",  desired},
                                      {"endpoint", known  }
  })));
  return {};
}

Result<> KafkaCompanionBoard::Announce(const Workload& workload) {
  OR_RETURN_IF_ERROR(
      database_.Run(workload.tenant, [&](store::Transaction& transaction) -> Result<> {
        OR_ASSIGN(const auto rows, transaction.Query("SELECT a.id, a.name, a.type, a.attributes "
                                                     "FROM asset a WHERE a.tenant = $1 AND a.id IN "
                                                     "(SELECT subject FROM model_mapping WHERE "
                                                     "tenant = $1 AND model = $2) ORDER BY a.id",
                                                     {workload.tenant, workload.model}));
        for (const auto& row : rows) {
          OR_ASSIGN(const Json attributes, ParseJsonOr(row.Text(3)));
          const Json member{
              {"assetId",    row.Text(0)},
              {"name",       row.Text(1)},
              {"type",       row.Text(2)},
              {"attributes", attributes }
          };
          OR_RETURN_IF_ERROR(store::Enqueue(transaction, ControlTopic(workload),
                                            Key(workload, "member/" + row.Text(0)), Dump(member)));
        }
        return {};
      }));
  nudge_();
  return {};
}

std::optional<lifecycle::CompanionStatus> KafkaCompanionBoard::Status(const Workload& workload) {
  const auto report = journal_.Find(workload.tenant, workload.deployment);
  if (!report) return std::nullopt;
  lifecycle::CompanionStatus status = report->status;
  const auto current =
      database_.Run(workload.tenant, [&](store::Transaction& transaction) -> Result<bool> {
        OR_ASSIGN(const auto last,
                  FindLastRow(transaction, ControlTopic(workload), Key(workload, "state")));
        // A row that was pruned was published long ago.
        return !last || (last->revision && *last->revision <= report->state_revision);
      });
  status.current = current && *current;
  return status;
}

}  // namespace outrigger::model_api
