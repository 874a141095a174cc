// SPDX-License-Identifier: Apache-2.0
#include "model_api/config.h"

#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

using enum SettingKind;

constexpr Setting kSettings[] = {
    {.key = "listen_address",
     .kind = kText,
     .default_value = "127.0.0.1",
     .help = "address of the REST API and the admin port"},
    {.key = "port",
     .kind = kInteger,
     .default_value = "8080",
     .help = "port of the REST API; 0: a free one",
     .min = 0,
     .max = 65535},
    {.key = "admin_port",
     .kind = kInteger,
     .default_value = "9080",
     .help = "port of /livez, /readyz and /metrics; 0: a free one",
     .min = 0,
     .max = 65535},
    {.key = "kafka_brokers",
     .kind = kText,
     .default_value = "",
     .help = "host:port of Kafka brokers, separated by commas",
     .required = true},
    {.key = "postgres_uri",
     .kind = kText,
     .default_value = "",
     .help = "postgresql://user@host:port/database; a password belongs into a PGPASSFILE",
     .required = true},
    {.key = "key_file",
     .kind = kSecretFile,
     .default_value = "",
     .help = "64 hex digits that seal stored secrets; without this key they are lost",
     .required = true},
    {.key = "bootstrap_token_file",
     .kind = kSecretFile,
     .default_value = "",
     .help = "a token made valid at each start: platform-admin of the tenant default"},
    {.key = "images",
     .kind = kText,
     .default_value = "",
     .help = "folders of IMAGE/TAG/run, separated by colons; the first that has an image serves it",
     .required = true},
    {.key = "models_dir",
     .kind = kText,
     .default_value = "",
     .help = "where running models have their working directories",
     .required = true},
    {.key = "egress_allow_loopback",
     .kind = kBoolean,
     .default_value = "false",
     .help = "models and addresses of users may be on loopback addresses"},
    {.key = "rest_workers",
     .kind = kInteger,
     .default_value = "8",
     .help = "requests handled at one moment; each may hold a connection to PostgreSQL",
     .min = 1,
     .max = 256},
    {.key = "saga_workers",
     .kind = kInteger,
     .default_value = "8",
     .help = "saga steps run at one moment",
     .min = 1,
     .max = 64},
    {.key = "supervise_every",
     .kind = kMillis,
     .default_value = "500",
     .help = "how often the health of running models is judged",
     .min = 50,
     .max = 60000},
    {.key = "reconcile_every",
     .kind = kMillis,
     .default_value = "30000",
     .help = "how often what exists is compared with what is wanted",
     .min = 1000,
     .max = 3600000},
};

}  // namespace

std::span<const Setting> Settings() { return kSettings; }

std::vector<std::string> Folders(const std::string& list) {
  std::vector<std::string> folders;
  for (const std::string_view folder : Split(list, ':')) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  return folders;
}

}  // namespace outrigger::model_api
