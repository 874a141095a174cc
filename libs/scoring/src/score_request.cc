// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/score_request.h"

namespace outrigger::scoring {
namespace {

constexpr std::size_t kRowBytes = 36;    // time and seq
constexpr std::size_t kValueBytes = 26;  // a number, or quotes and a comma

void AppendMember(std::string& out, std::string_view name, std::string_view text) {
  AppendJsonString(out, name);
  out += ':';
  AppendJsonString(out, text);
}

// Appends [f(row), f(row), …].
template <typename F>
void AppendArray(std::string& out, const AssetRows& asset, F&& append) {
  out += '[';
  bool first = true;
  for (const Row* row : asset.rows) {
    if (!std::exchange(first, false)) out += ',';
    append(*row);
  }
  out += ']';
}

void AppendAsset(std::string& out, std::span<const InputColumn> columns, const AssetRows& asset) {
  out += '{';
  AppendMember(out, "assetId", asset.asset);
  out += R"(,"time":)";
  AppendArray(out, asset, [&](const Row& row) { out += std::to_string(row.time.ms); });
  out += R"(,"columns":{)";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, columns[i].name);
    out += ':';
    AppendArray(out, asset, [&](const Row& row) {
      const Value& value = row.values[i];
      if (columns[i].read_as_string && !IsNull(value))
        AppendJsonString(out, TextOf(value));
      else
        AppendJson(out, value);
    });
  }
  out += R"(},"seq":)";
  AppendArray(out, asset, [&](const Row& row) { out += std::to_string(row.seq); });
  out += '}';
}

}  // namespace

std::string ScoreRequest(const RequestHead& head, std::span<const InputColumn> columns,
                         std::span<const AssetRows> data) {
  std::string out = "{";
  AppendMember(out, "requestId", head.request_id);
  out += R"(,"model":{)";
  AppendMember(out, "name", head.model);
  out += ',';
  AppendMember(out, "version", head.version);
  out += ',';
  AppendMember(out, "deployment", head.deployment);
  out += R"(},"trigger":"REAL_TIME","window":null,"data":[)";
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i > 0) out += ',';
    AppendAsset(out, columns, data[i]);
  }
  out += "]}";
  return out;
}

std::size_t RequestBytes(const Row& row) {
  std::size_t bytes = kRowBytes;
  for (const Value& value : row.values) {
    bytes += kValueBytes;
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
  }
  return bytes;
}

}  // namespace outrigger::scoring
