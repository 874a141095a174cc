// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "outrigger/manifest/manifest.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;

void PutText(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

Json ContainerJson(const Container& container) {
  Json json = {
      {"image", container.image},
      {"tag",   container.tag  }
  };
  PutText(json, "digest", container.digest);
  if (const auto& registry = container.custom_registry) {
    Json& custom = json["customRegistry"] = Json::object();
    PutText(custom, "name", registry->name);
    PutText(custom, "registry", registry->registry);
    PutText(custom, "username", registry->username);
    if (!registry->username.empty()) custom["password"] = kMask;
  }
  return json;
}

Json ResourcesJson(const Resources& resources) {
  Json json = Json::object();
  if (resources.cpu_millis) json["cpu"] = std::to_string(*resources.cpu_millis) + "m";
  if (resources.memory_bytes) json["memory"] = std::to_string(*resources.memory_bytes);
  return json;
}

Json ModelJson(const ModelSpec& model) {
  Json json = {
      {"type",                Name(model.type)                                                               },
      {"scoreEndpoint",       model.score_endpoint                                                           },
      {"healthCheckEndpoint", model.health_check_endpoint                                                    },
      {"hosted",              Name(model.hosted)                                                             },
      {"port",                model.port                                                                     },
      {"timeout",             model.timeout.count()                                                          },
      {"stateful",            model.stateful                                                                 },
      {"replicas",            model.replicas                                                                 },
      {"env",                 model.env                                                                      },
      {"resources",           ResourcesJson(model.resources)                                                 },
      {"health",
       {{"interval", model.health.interval.count()},
        {"timeout", model.health.timeout.count()},
        {"failures", model.health.failures},
        {"startTimeout", model.health.start_timeout.count()},
        {"tries", model.health.tries},
        {"quiet", model.health.quiet.count()}}                                                               },
      {"retry",               {{"tries", model.retry.tries}, {"maxBackoff", model.retry.max_backoff.count()}}},
  };
  if (model.container) json["container"] = ContainerJson(*model.container);
  PutText(json, "externalUrl", model.external_url);
  if (model.async_deadline)
    json["async"] = {
        {"deadline", model.async_deadline->count()}
    };
  PutText(json, "assetEventsEndpoint", model.asset_events_endpoint);
  if (model.artifact) {
    json["artifact"] = {
        {"uri", model.artifact->uri}
    };
    PutText(json["artifact"], "sha256", model.artifact->sha256);
    PutText(json["artifact"], "signature", model.artifact->signature);
  }
  if (model.type == ModelType::kKserveV2)
    json["v2"] = {
        {"packing", Name(model.v2.packing)},
        {"tensor",  model.v2.tensor       }
    };
  return json;
}

Json TriggerJson(const Trigger& trigger) {
  Json json = {
      {"type",            Name(trigger.type)              },
      {"allowedLateness", trigger.allowed_lateness.count()},
      {"alignment",       Name(trigger.alignment)         }
  };
  if (trigger.type == TriggerType::kTimeWindow) {
    json["frequency"] = trigger.frequency.count();
    json["timeWindowSize"] = trigger.time_window_size.count();
    json["backfill"] = trigger.backfill;
  }
  return json;
}

Json ColumnsJson(const std::vector<Column>& columns) {
  Json list = Json::array();
  for (const Column& column : columns) {
    Json json = {
        {"dataColumnName", column.name          },
        {"readAsString",   column.read_as_string}
    };
    PutText(json, "unit", column.unit);
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

Json ToJson(const Manifest& manifest) {
  Json json = {
      {"version", manifest.version             },
      {"model",   ModelJson(manifest.model)    },
      {"trigger", TriggerJson(manifest.trigger)},
      {"inputs",  ColumnsJson(manifest.inputs) },
      {"outputs", ColumnsJson(manifest.outputs)}
  };
  PutText(json, "name", manifest.name);
  PutText(json, "description", manifest.description);
  if (manifest.provenance) json["provenance"] = *manifest.provenance;
  return json;
}

}  // namespace outrigger::manifest
