// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/tables_sink.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string>
#include <utility>

#include "data_pusher/json_text.h"
#include "data_pusher/output_record.h"
#include "outrigger/base/ids.h"
#include "outrigger/base/json.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::size_t kHeaderBytes = 4'096;

// Text that PostgreSQL takes: what is not valid UTF-8, and NUL, becomes '?'.
std::string Clean(std::string_view text) {
  std::string clean(text);
  const bool valid = IsValidUtf8(text);
  for (char& c : clean) {
    if (c == '\0' || (!valid && static_cast<unsigned char>(c) >= 0x80)) c = '?';
  }
  return clean;
}

std::string HeaderOf(const messaging::Record& record, std::string_view name) {
  const auto found = messaging::FindHeader(record.headers, name);
  return found ? Clean(found->substr(0, kHeaderBytes)) : std::string();
}

std::optional<std::int64_t> NumberOf(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "START-END"; neither is negative.
std::optional<std::pair<std::int64_t, std::int64_t>> WindowOf(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto start = NumberOf(text.substr(0, dash));
  const auto end = NumberOf(text.substr(dash + 1));
  if (!start || !end) return std::nullopt;
  return std::pair{*start, *end};
}

std::string ValuesOf(const OutputRecord& output, std::size_t row) {
  std::string json = "{";
  for (const OutputColumn& column : output.columns) {
    if (json.size() > 1) json += ',';
    AppendQuoted(json, column.name);
    json += ':';
    AppendValue(json, column.values[row]);
  }
  return json + '}';
}

}  // namespace

std::vector<store::OutputRow> OutputRowsOf(const messaging::Record& record) {
  std::vector<store::OutputRow> rows;
  const std::string_view tenant = TenantOfTopic(record.topic, "out.");
  const std::string model = HeaderOf(record, "model");
  if (tenant.empty() || !IsLabel(model) || !record.value) return rows;
  const Result<OutputRecord> output = ParseOutput(*record.value);
  if (!output) return rows;
  for (std::size_t row = 0; row < output->times.size(); ++row) {
    store::OutputRow& out = rows.emplace_back();
    out.tenant = tenant;
    out.model = model;
    out.asset = output->asset;
    out.time = output->times[row];
    out.identity = IdentityOf(record);
    out.position = static_cast<int>(row);
    out.values = ValuesOf(*output, row);
    out.version = HeaderOf(record, "modelversion");
    out.digest = HeaderOf(record, "modeldigest");
    out.deployment = HeaderOf(record, "deployment");
    out.window = WindowOf(HeaderOf(record, "window"));
    out.request_id = HeaderOf(record, "requestid");
  }
  return rows;
}

std::optional<store::DeadLetterRow> DeadLetterOf(const messaging::Record& record) {
  const std::string_view tenant = TenantOfTopic(record.topic, "dead.");
  if (tenant.empty()) return std::nullopt;
  store::DeadLetterRow row;
  row.tenant = tenant;
  row.id = IdentityOf(record);
  row.model = HeaderOf(record, "model");
  if (!IsLabel(row.model)) row.model.clear();
  row.deployment = HeaderOf(record, "deployment");
  row.request_id = HeaderOf(record, "requestid");
  row.cause = HeaderOf(record, "dead_cause");
  row.detail = HeaderOf(record, "dead_detail");
  const auto tries = NumberOf(HeaderOf(record, "dead_tries"));
  row.tries = tries && *tries >= 0 && *tries < INT32_MAX ? static_cast<int>(*tries) : 0;
  row.time = std::max<std::int64_t>(record.time.ms, 0);
  row.source = HeaderOf(record, "dead_source");
  row.record = Clean(record.value.value_or(std::string()));
  if (const auto asked = messaging::FindHeader(record.headers, "dead_row")) row.row = Clean(*asked);
  if (auto letter = HeaderOf(record, "dead_replay_of"); !letter.empty())
    row.replay_of = std::move(letter);
  return row;
}

Result<> TablesSink::Write(std::span<messaging::Record> records,
                           std::span<const store::ArchiveMove> moves) {
  std::vector<store::OutputRow> outputs;
  std::vector<store::DeadLetterRow> dead;
  for (const messaging::Record& record : records) {
    std::vector<store::OutputRow> rows = OutputRowsOf(record);
    std::move(rows.begin(), rows.end(), std::back_inserter(outputs));
    if (auto row = DeadLetterOf(record)) dead.push_back(*std::move(row));
  }
  return outputs_.Append(outputs, dead, moves);
}

}  // namespace outrigger::data_pusher
