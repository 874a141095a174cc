// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/output_judgement.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "data_pusher/json_text.h"
#include "data_pusher/output_record.h"
#include "outrigger/base/text.h"

namespace outrigger::data_pusher {
namespace {

// A record of `telemetry` must fit its topic (1 MiB) with headers.
constexpr std::size_t kTelemetryBytes = 900'000;
constexpr std::size_t kDeadBytes = 15 << 20;  // of 17 MiB that the topic takes
constexpr std::size_t kHeaderBytes = 512;     // of a header (or a key) that is handed on
constexpr std::size_t kDetailBytes = 1'000;

OutputVerdict Dead(std::string cause, std::string detail) {
  OutputVerdict verdict;
  verdict.cause = std::move(cause);
  verdict.detail = std::move(detail);
  return verdict;
}

std::string HeaderOr(const messaging::Record& record, std::string_view name) {
  return std::string(messaging::FindHeader(record.headers, name)
                         .value_or(std::string_view())
                         .substr(0, kHeaderBytes));
}

// The group whose rows are about `asset`; null when the route has none.
const Group* GroupOf(const Route& route, const std::string& asset, const CatalogSnapshot& catalog) {
  if (!route.asset_type.empty()) {
    const auto* found = catalog.assets.Find(CatalogKey(route.tenant, asset));
    const bool of_type = found != nullptr && (*found)->type == route.asset_type;
    return of_type ? &route.groups.front() : nullptr;
  }
  const auto group = std::ranges::find(route.groups, asset, &Group::subject);
  return group == route.groups.end() ? nullptr : &*group;
}

ValueKind KindOf(const store::HistoryValue& value) {
  if (std::holds_alternative<double>(value)) return ValueKind::kNumber;
  return std::holds_alternative<bool>(value) ? ValueKind::kBoolean : ValueKind::kString;
}

// A column and where its values go.
struct Target {
  const OutputColumn* column;
  const Binding* binding;
};

// The value in the telemetry's unit; nullopt when it is of another kind or leaves the range.
std::optional<store::HistoryValue> Converted(const Target& target, std::size_t row) {
  const store::HistoryValue& value = target.column->values[row];
  if (KindOf(value) != target.binding->kind) return std::nullopt;
  const double* number = std::get_if<double>(&value);
  if (number == nullptr) return value;
  const double converted = target.binding->converts()
                               ? *number * target.binding->scale + target.binding->offset
                               : *number;
  if (!std::isfinite(converted)) return std::nullopt;
  return converted;
}

class TelemetryOf {
 public:
  TelemetryOf(const messaging::Record& record, const Route& route)
      : route_(route), identity_(IdentityOf(record)), trace_(HeaderOr(record, "traceparent")) {}

  messaging::OutRecord Make(const std::string& asset, std::int64_t time, std::size_t row,
                            const std::string& values) const {
    messaging::OutRecord out;
    out.topic = "telemetry";
    out.key = CatalogKey(route_.tenant, asset);
    std::string value = "{\"asset\":";
    AppendQuoted(value, asset);
    out.value = value + ",\"time\":" + std::to_string(time) + ",\"values\":{" + values + "}}";
    // "output" keeps this apart from any id a sender could choose.
    std::string identity = route_.tenant;
    for (const std::string& field :
         {asset, std::string("output"), identity_, std::to_string(row)}) {
      identity += '\0';
      identity += field;
    }
    out.headers = messaging::CloudEventHeaders(Sha256Hex(identity).substr(0, 32), "/data_pusher",
                                               "dev.outrigger.telemetry.v1", time, trace_);
    out.headers.emplace_back("tenant", route_.tenant);
    out.headers.emplace_back("model", route_.model);
    out.headers.emplace_back("deployment", route_.deployment);
    return out;
  }

 private:
  const Route& route_;
  const std::string identity_;
  const std::string trace_;
};

// The targets of an output's columns by the asset they go to; or the first column without one.
std::expected<std::map<std::string, std::vector<Target>>, std::string> TargetsOf(
    const OutputRecord& output, const Group& group) {
  std::map<std::string, std::vector<Target>> targets;
  for (const OutputColumn& column : output.columns) {
    const auto binding = std::ranges::find(group.outputs, column.name, &Binding::column);
    if (binding == group.outputs.end()) return std::unexpected(column.name);
    targets[binding->asset.empty() ? output.asset : binding->asset].push_back({&column, &*binding});
  }
  return targets;
}

}  // namespace

OutputVerdict JudgeOutput(const messaging::Record& record, const CatalogSnapshot& catalog) {
  const std::string tenant(TenantOfTopic(record.topic, "out."));
  const std::string deployment = HeaderOr(record, "deployment");
  if (!record.value) return Dead("bad-record", "without a value");
  const Result<OutputRecord> output = ParseOutput(*record.value);
  if (!output) {
    const bool large = output.error().code() == ErrorCode::kResourceExhausted;
    return Dead(large ? "too-large" : "bad-record", output.error().message());
  }
  const RoutePtr* route = catalog.routes.Find(CatalogKey(tenant, deployment));
  if (route == nullptr) return Dead("not-mapped", "the deployment has no route");
  const Group* group = GroupOf(**route, output->asset, catalog);
  if (group == nullptr) return Dead("not-mapped", "the model is not mapped to " + output->asset);
  const auto targets = TargetsOf(*output, *group);
  if (!targets) return Dead("not-mapped", "output " + targets.error() + " is not mapped");
  OutputVerdict verdict;
  const TelemetryOf telemetry(record, **route);
  for (std::size_t row = 0; row < output->times.size(); ++row) {
    for (const auto& [asset, of_asset] : *targets) {
      std::string values;
      for (const Target& target : of_asset) {
        const auto value = Converted(target, row);
        if (!value) {
          return Dead("bad-record", "a value of " + target.column->name + " is not what " +
                                        target.binding->telemetry + " takes");
        }
        if (!values.empty()) values += ',';
        AppendQuoted(values, target.binding->telemetry);
        values += ':';
        AppendValue(values, *value);
      }
      if (values.size() > kTelemetryBytes) {
        return Dead("too-large", "a row has " + std::to_string(values.size()) + " bytes");
      }
      verdict.telemetry.push_back(telemetry.Make(asset, output->times[row], row, values));
    }
  }
  return verdict;
}

messaging::OutRecord DeadOutput(const messaging::Record& record, const OutputVerdict& verdict) {
  const std::string source = SourceOf(record);
  const std::string deployment = HeaderOr(record, "deployment");
  messaging::OutRecord out;
  out.topic = "dead." + std::string(TenantOfTopic(record.topic, "out."));
  if (record.key) out.key = record.key->substr(0, kHeaderBytes);
  std::string detail = verdict.detail.substr(0, kDetailBytes);
  if (record.value && (record.value->size() > kDeadBytes || verdict.without_value)) {
    detail += "; " + std::to_string(record.value->size()) + " bytes are left out";
    out.value = std::string();
  } else {
    out.value = record.value;
  }
  out.headers = messaging::CloudEventHeaders(deployment + '/' + source, "/data_pusher",
                                             "dev.outrigger.dead.v1", record.time.ms,
                                             HeaderOr(record, "traceparent"));
  for (const char* name : {"model", "deployment", "requestid"}) {
    out.headers.emplace_back(name, HeaderOr(record, name));
  }
  out.headers.emplace_back("dead_cause", verdict.cause);
  out.headers.emplace_back("dead_detail", detail);
  out.headers.emplace_back("dead_tries", "1");
  out.headers.emplace_back("dead_source", source);
  return out;
}

}  // namespace outrigger::data_pusher
