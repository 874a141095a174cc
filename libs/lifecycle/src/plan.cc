// SPDX-License-Identifier: Apache-2.0
#include "outrigger/lifecycle/plan.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::lifecycle {

std::string ToJson(const DeploymentPlan& plan) {
  return Dump({
      {"image",          plan.start.image.image      },
      {"tag",            plan.start.image.tag        },
      {"digest",         plan.start.image.digest     },
      {"env",            plan.start.env              },
      {"cpuMillis",      plan.start.cpu_millis       },
      {"memoryBytes",    plan.start.memory_bytes     },
      {"endpoint",       plan.endpoint               },
      {"startedAt",      plan.started_at             },
      {"generation",     plan.generation             },
      {"partitions",     plan.partitions             },
      {"feedRetention",  plan.feed_retention.count() },
      {"healthInterval", plan.health_interval.count()},
      {"healthFailures", plan.health_failures        },
      {"startTimeout",   plan.start_timeout.count()  },
      {"tries",          plan.tries                  },
      {"quiet",          plan.quiet.count()          },
  });
}

Result<DeploymentPlan> PlanFromJson(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    const DeploymentPlan standard;
    DeploymentPlan plan;
    const auto millis = [&](const char* name, Millis fallback) {
      return Millis{json.value(name, static_cast<std::int64_t>(fallback.count()))};
    };
    plan.start.image = {json.value("image", ""), json.value("tag", ""), json.value("digest", "")};
    plan.start.env = json.value("env", std::map<std::string, std::string>{});
    plan.start.cpu_millis = json.value("cpuMillis", standard.start.cpu_millis);
    plan.start.memory_bytes = json.value("memoryBytes", standard.start.memory_bytes);
    plan.endpoint = json.value("endpoint", "");
    plan.started_at = json.value("startedAt", standard.started_at);
    plan.generation = json.value("generation", standard.generation);
    plan.partitions = json.value("partitions", standard.partitions);
    plan.feed_retention = millis("feedRetention", standard.feed_retention);
    plan.health_interval = millis("healthInterval", standard.health_interval);
    plan.health_failures = json.value("healthFailures", standard.health_failures);
    plan.start_timeout = millis("startTimeout", standard.start_timeout);
    plan.tries = json.value("tries", standard.tries);
    plan.quiet = millis("quiet", standard.quiet);
    return plan;
  } catch (const nlohmann::json::exception& error) {
    return Error(ErrorCode::kCorrupt, std::string("a stored plan cannot be read: ") + error.what());
  }
}

}  // namespace outrigger::lifecycle
