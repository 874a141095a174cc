// SPDX-License-Identifier: Apache-2.0
#include "data_companion/parking.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "outrigger/base/json.h"

namespace outrigger::companion {
namespace {

using nlohmann::json;

constexpr std::size_t kJournalBytes = 17U << 20;

Result<std::pair<std::string, PendingRow>> ReadRow(const std::string& text,
                                                   std::span<const scoring::InputColumn> columns) {
  OR_ASSIGN(const json state, ParseJsonOr(text, {.bytes = kJournalBytes}));
  PendingRow row;
  row.parked = true;
  row.partition = state.at("partition").get<int>();
  row.cause = state.at("offset").get<std::int64_t>();
  row.tries = state.at("tries").get<int>();
  row.trace = messaging::TraceContext::Read(state.value("traceparent", ""));
  row.record = state.at("record").get<std::string>();
  row.bytes = state.at("bytes").get<std::size_t>();
  row.row.seq = state.at("seq").get<std::int64_t>();
  row.row.time = EventTime{state.at("time").get<std::int64_t>()};
  row.row.causes = state.at("causes").get<std::vector<std::int64_t>>();
  row.row.values.resize(columns.size());
  const json& values = state.at("values");
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (const auto value = values.find(columns[i].name); value != values.end())
      row.row.values[i] = scoring::ValueFrom(*value).value_or(scoring::Value{});
  return std::pair(state.at("subject").get<std::string>(), std::move(row));
}

}  // namespace

std::string ParkedKey(const std::string& subject, const PendingRow& row) {
  return "parked/" + std::to_string(row.partition) + "-" + std::to_string(row.row.seq) + "-" +
         subject;
}

std::string ParkedText(const std::string& subject, const PendingRow& row,
                       std::span<const scoring::InputColumn> columns) {
  json values = json::object();
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!scoring::IsNull(row.row.values[i]))
      values[columns[i].name] = scoring::ToJson(row.row.values[i]);
  json parked{
      {"subject",   subject          },
      {"partition", row.partition    },
      {"offset",    row.cause        },
      {"seq",       row.row.seq      },
      {"time",      row.row.time.ms  },
      {"values",    std::move(values)},
      {"causes",    row.row.causes   },
      {"record",    row.record       },
      {"bytes",     row.bytes        },
      {"tries",     row.tries        }
  };
  if (row.trace) parked["traceparent"] = row.trace.Text();
  return Dump(parked);
}

Result<std::vector<std::pair<std::string, PendingRow>>> ReadParked(
    const ParkedRows& parked, std::span<const scoring::InputColumn> columns) {
  std::vector<std::pair<std::string, PendingRow>> rows;
  for (const auto& [name, text] : parked) {
    try {
      OR_ASSIGN(auto row, ReadRow(text, columns));
      rows.push_back(std::move(row));
    } catch (const json::exception& error) {
      return Error(ErrorCode::kCorrupt, "parked row " + name + ": " + error.what());
    }
  }
  std::ranges::sort(rows, {}, [](const auto& each) {
    return std::tuple(each.second.partition, each.second.row.seq);
  });
  return rows;
}

}  // namespace outrigger::companion
