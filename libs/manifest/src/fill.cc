// SPDX-License-Identifier: Apache-2.0
// Between a document without faults and values.
#include <nlohmann/json.hpp>

#include "grammar.h"
#include "outrigger/manifest/manifest.h"
#include "rules.h"

namespace outrigger::manifest {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

template <typename Enum>
struct Word {
  Enum value;
  std::string_view text;
};

constexpr Word<ModelType> kModelTypes[] = {
    {ModelType::kHttp,     "http"     },
    {ModelType::kAmqp,     "amqp"     },
    {ModelType::kKserveV2, "kserve-v2"}
};
constexpr Word<Hosted> kHosting[] = {
    {Hosted::kInternal, "internal"},
    {Hosted::kExternal, "external"}
};
constexpr Word<TriggerType> kTriggers[] = {
    {TriggerType::kRealTime,   "REAL_TIME"  },
    {TriggerType::kTimeWindow, "TIME_WINDOW"}
};
constexpr Word<Alignment> kAlignments[] = {
    {Alignment::kLatest, "latest"},
    {Alignment::kExact,  "exact" },
    {Alignment::kUnion,  "union" }
};
constexpr Word<Packing> kPackings[] = {
    {Packing::kPerColumn, "per-column"},
    {Packing::kMatrix,    "matrix"    }
};

template <typename Enum>
std::string_view TextOf(std::span<const Word<Enum>> words, Enum value) {
  for (const auto& word : words) {
    if (word.value == value) return word.text;
  }
  return "";
}

void Take(const Json& object, std::string_view name, std::string& into) {
  if (const auto found = object.find(name); found != object.end()) into = found->get<std::string>();
}
void Take(const Json& object, std::string_view name, bool& into) {
  if (const auto found = object.find(name); found != object.end()) into = found->get<bool>();
}
void Take(const Json& object, std::string_view name, int& into) {
  if (const auto found = object.find(name); found != object.end()) into = found->get<int>();
}
void Take(const Json& object, std::string_view name, milliseconds& into) {
  if (const auto found = object.find(name); found != object.end())
    into = milliseconds(found->get<std::int64_t>());
}
template <typename Enum, std::size_t N>
void Take(const Json& object, std::string_view name, const Word<Enum> (&words)[N], Enum& into) {
  const auto found = object.find(name);
  if (found == object.end()) return;
  for (const auto& word : words) {
    if (word.text == found->get_ref<const std::string&>()) into = word.value;
  }
}

const Json& Member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

Container FillContainer(const Json& from) {
  Container container;
  Take(from, "image", container.image);
  Take(from, "tag", container.tag);
  Take(from, "digest", container.digest);
  if (const auto registry = from.find("customRegistry"); registry != from.end()) {
    container.custom_registry.emplace();
    Take(*registry, "name", container.custom_registry->name);
    Take(*registry, "registry", container.custom_registry->registry);
    Take(*registry, "username", container.custom_registry->username);
  }
  return container;
}

void FillRules(const Json& from, ModelSpec& model) {
  const Json& health = Member(from, "health");
  Take(health, "interval", model.health.interval);
  Take(health, "timeout", model.health.timeout);
  Take(health, "failures", model.health.failures);
  Take(health, "startTimeout", model.health.start_timeout);
  Take(health, "tries", model.health.tries);
  Take(health, "quiet", model.health.quiet);
  const Json& retry = Member(from, "retry");
  Take(retry, "tries", model.retry.tries);
  Take(retry, "maxBackoff", model.retry.max_backoff);
  const Json& v2 = Member(from, "v2");
  Take(v2, "packing", kPackings, model.v2.packing);
  Take(v2, "tensor", model.v2.tensor);
  std::string amount;
  Take(Member(from, "resources"), "cpu", amount);
  model.resources.cpu_millis = CpuMillis(amount);
  amount.clear();
  Take(Member(from, "resources"), "memory", amount);
  model.resources.memory_bytes = MemoryBytes(amount);
}

ModelSpec FillModel(const Json& from) {
  ModelSpec model;
  Take(from, "type", kModelTypes, model.type);
  Take(from, "scoreEndpoint", model.score_endpoint);
  if (model.type == ModelType::kKserveV2) model.health_check_endpoint = "/v2/health/ready";
  Take(from, "healthCheckEndpoint", model.health_check_endpoint);
  Take(from, "hosted", kHosting, model.hosted);
  if (from.contains("container")) model.container = FillContainer(from["container"]);
  Take(from, "externalUrl", model.external_url);
  while (model.external_url.ends_with('/')) model.external_url.pop_back();
  Take(from, "port", model.port);
  Take(from, "timeout", model.timeout);
  if (const auto async = from.find("async"); async != from.end()) {
    model.async_deadline = std::chrono::hours(24);
    Take(*async, "deadline", *model.async_deadline);
  }
  Take(from, "assetEventsEndpoint", model.asset_events_endpoint);
  Take(from, "replicas", model.replicas);
  FillRules(from, model);
  for (const auto& [name, value] : Member(from, "env").items())
    model.env.emplace(name, value.get<std::string>());
  if (const auto artifact = from.find("artifact"); artifact != from.end()) {
    model.artifact.emplace();
    Take(*artifact, "uri", model.artifact->uri);
    Take(*artifact, "sha256", model.artifact->sha256);
    Take(*artifact, "signature", model.artifact->signature);
  }
  return model;
}

std::vector<Column> FillColumns(const Json& from) {
  std::vector<Column> columns;
  for (const Json& element : from) {
    Column& column = columns.emplace_back();
    Take(element, "dataColumnName", column.name);
    Take(element, "readAsString", column.read_as_string);
    Take(element, "unit", column.unit);
  }
  return columns;
}

const Column* FindIn(const std::vector<Column>& columns, std::string_view name) {
  for (const Column& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

}  // namespace

std::string_view Name(ModelType value) { return TextOf<ModelType>(kModelTypes, value); }
std::string_view Name(Hosted value) { return TextOf<Hosted>(kHosting, value); }
std::string_view Name(TriggerType value) { return TextOf<TriggerType>(kTriggers, value); }
std::string_view Name(Alignment value) { return TextOf<Alignment>(kAlignments, value); }
std::string_view Name(Packing value) { return TextOf<Packing>(kPackings, value); }

const Column* Manifest::FindInput(std::string_view column) const { return FindIn(inputs, column); }
const Column* Manifest::FindOutput(std::string_view column) const {
  return FindIn(outputs, column);
}

Manifest Fill(const Json& document) {
  Manifest manifest;
  Take(document, "name", manifest.name);
  Take(document, "version", manifest.version);
  Take(document, "description", manifest.description);
  manifest.model = FillModel(document["model"]);
  const Json& trigger = document["trigger"];
  Take(trigger, "type", kTriggers, manifest.trigger.type);
  const bool real_time = manifest.trigger.type == TriggerType::kRealTime;
  manifest.model.stateful = real_time;
  Take(document["model"], "stateful", manifest.model.stateful);
  manifest.trigger.alignment = real_time ? Alignment::kLatest : Alignment::kUnion;
  Take(trigger, "alignment", kAlignments, manifest.trigger.alignment);
  Take(trigger, "frequency", manifest.trigger.frequency);
  Take(trigger, "timeWindowSize", manifest.trigger.time_window_size);
  Take(trigger, "allowedLateness", manifest.trigger.allowed_lateness);
  Take(trigger, "backfill", manifest.trigger.backfill);
  manifest.inputs = FillColumns(document["inputs"]);
  manifest.outputs = FillColumns(document["outputs"]);
  if (const auto provenance = document.find("provenance"); provenance != document.end())
    manifest.provenance = std::make_shared<const Json>(*provenance);
  return manifest;
}

}  // namespace outrigger::manifest
