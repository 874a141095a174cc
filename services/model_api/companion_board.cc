// SPDX-License-Identifier: Apache-2.0
#include "model_api/companion_board.h"

#include <nlohmann/json.hpp>

#include "model_api/deployed_model.h"
#include "model_api/feed_topics.h"
#include "model_api/mapped_models.h"
#include "model_api/outbox_rows.h"
#include "outrigger/base/json.h"
#include "outrigger/manifest/manifest.h"
#include "outrigger/store/outbox.h"

namespace outrigger::model_api {
namespace {

using Json = nlohmann::json;
using lifecycle::CompanionPhase;
using lifecycle::Workload;

constexpr JsonLimits kStored{.bytes = 64 << 20, .depth = 64};

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

// The endpoint in a desired state; "" where there is none: what Kafka holds is not trusted to have
// our form.
std::string EndpointIn(const std::string& state) {
  const auto json = ParseJsonOr(state);
  if (!json || !json->is_object()) return "";
  const auto endpoint = json->find("endpoint");
  return endpoint != json->end() && endpoint->is_string() ? endpoint->get<std::string>() : "";
}

// The deployment's spec as docs/formats/control.md says, from the stored manifest and mapping.
Result<Json> BuildSpec(store::Transaction& transaction, const Workload& workload) {
  StoredDefinitions definitions(transaction);
  OR_ASSIGN(const DeployedModel model, LoadDeployed(transaction, workload, definitions));
  Json outputs = Json::object();
  for (const auto& [column, type] : OutputTypes(model.mapping))
    outputs[column] = {
        {"type", manifest::Name(type)}
    };
  return Json{
      {"deployment", workload.deployment.str()                                                          },
      {"tenant",     workload.tenant.str()                                                              },
      {"model",      workload.model.str()                                                               },
      {"version",    model.manifest.version                                                             },
      {"digest",     model.digest                                                                       },
      {"manifest",   manifest::ToJson(model.manifest)                                                   },
      {"feed",       {{"topic", FeedTopicName(workload)}, {"partitions", model.manifest.model.replicas}}},
      {"outputs",    outputs                                                                            }
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
    if (state) known = EndpointIn(*state);
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
          OR_ASSIGN(const Json attributes, ParseJsonOr(row.Text(3), kStored));
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
