// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/projection.h"

#include <cmath>
#include <utility>

#include "data_pusher/json_text.h"
#include "outrigger/base/json.h"

namespace outrigger::data_pusher {
namespace {

const SampleValue* ValueOf(const Sample& sample, std::string_view telemetry) {
  for (const SampleValue& value : sample.values) {
    if (value.telemetry == telemetry) return &value;
  }
  return nullptr;
}

// Appends `"column":value`; false when the conversion leaves the range of a double.
bool AppendInput(std::string& out, const Binding& binding, const SampleValue& value) {
  std::string text;
  if (value.kind == ValueKind::kNumber && binding.converts()) {
    const double converted = value.number * binding.scale + binding.offset;
    if (!std::isfinite(converted)) return false;
    text = NumberText(converted);
  }
  AppendQuoted(out, binding.column);
  out += ':';
  out += text.empty() ? value.raw : std::string_view(text);
  return true;
}

void ProjectGroup(const Sample& sample, const RoutePtr& route, const Group& group,
                  const std::function<void(FeedRecord)>& emit) {
  const bool by_type = group.subject.empty();
  std::string values;
  for (const Binding& input : group.inputs) {
    if (!by_type && input.asset != sample.asset) continue;
    const SampleValue* value = ValueOf(sample, input.telemetry);
    if (value == nullptr) continue;
    const std::size_t before = values.size();
    if (before > 0) values += ',';
    if (!AppendInput(values, input, *value)) values.resize(before);
    if (values.size() > kMaxFeedBytes) break;  // one long text may be many inputs
  }
  if (values.empty()) return;
  FeedRecord record;
  record.route = route;
  record.subject = by_type ? sample.asset : std::string_view(group.subject);
  record.value = "{\"subject\":";
  AppendQuoted(record.value, record.subject);
  record.value += ",\"time\":" + std::to_string(sample.time) + ",\"values\":{" + values + "}}";
  emit(std::move(record));
}

}  // namespace

void Project(const Sample& sample, const CatalogSnapshot& catalog,
             const std::function<void(FeedRecord)>& emit) {
  const std::string key = CatalogKey(sample.tenant, sample.asset);
  if (const auto* uses = catalog.uses_of_asset.Find(key)) {
    for (const RouteUse& use : *uses) {
      if (use.route->open) ProjectGroup(sample, use.route, *use.group, emit);
    }
  }
  const auto* asset = catalog.assets.Find(key);
  if (asset == nullptr) return;
  const auto* routes = catalog.routes_of_type.Find(CatalogKey(sample.tenant, (*asset)->type));
  if (routes == nullptr) return;
  for (const RoutePtr& route : *routes) {
    if (route->open) ProjectGroup(sample, route, route->groups.front(), emit);
  }
}

}  // namespace outrigger::data_pusher
