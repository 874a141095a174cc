// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/query_answers.h"

#include "data_pusher/json_text.h"
#include "outrigger/base/json.h"

namespace outrigger::data_pusher {
namespace {

void AppendContinue(std::string& body, const std::optional<std::string>& next) {
  if (!next) return;
  body += ",\"continue\":";
  AppendQuoted(body, *next);
}

// RFC 4180: quoted where a comma, quote or line break is inside. A text that a spreadsheet would
// take for a formula begins with an apostrophe.
void AppendCsv(std::string& body, const store::HistoryValue& value) {
  const std::string* text = std::get_if<std::string>(&value);
  if (text == nullptr) {
    AppendValue(body, value);
    return;
  }
  const bool formula = !text->empty() && std::string_view("=+-@\t\r").contains(text->front());
  if (!formula && text->find_first_of(",\"\r\n") == std::string::npos) {
    body += *text;
    return;
  }
  body += formula ? "\"'" : "\"";
  for (const char c : *text) {
    if (c == '"') body += '"';
    body += c;
  }
  body += '"';
}

http::Response CsvAnswer(const std::vector<store::AggregatePoint>& points,
                         const std::optional<std::string>& next) {
  http::Response response;
  response.content_type = "text/csv; charset=utf-8";
  response.body = "time,value\r\n";
  for (const store::AggregatePoint& point : points) {
    response.body += std::to_string(point.time) + ',';
    if (point.value) AppendCsv(response.body, *point.value);
    response.body += "\r\n";
  }
  if (next) response.headers.emplace_back("Outrigger-Continue", *next);
  return response;
}

void AppendOutput(std::string& body, const store::OutputRow& row) {
  body += "{\"assetId\":";
  AppendQuoted(body, row.asset);
  body += ",\"time\":" + std::to_string(row.time) + ",\"values\":" + row.values;
  for (const auto& [name, text] : {
           std::pair{"version",    &row.version   },
           std::pair{"digest",     &row.digest    },
           std::pair{"deployment", &row.deployment}
  }) {
    body += std::string(",\"") + name + "\":";
    AppendQuoted(body, *text);
  }
  body += ",\"window\":";
  if (row.window) {
    body += "{\"start\":" + std::to_string(row.window->first) +
            ",\"end\":" + std::to_string(row.window->second) + '}';
  } else {
    body += "null";
  }
  body += ",\"requestId\":";
  AppendQuoted(body, row.request_id);
  body += '}';
}

}  // namespace

http::Response LatestAnswer(std::string_view asset,
                            const std::map<std::string, store::Point, std::less<>>& values) {
  http::Response response;
  std::string& body = response.body;
  body = "{\"asset\":";
  AppendQuoted(body, asset);
  body += ",\"values\":{";
  bool first = true;
  for (const auto& [telemetry, point] : values) {
    if (!first) body += ',';
    first = false;
    AppendQuoted(body, telemetry);
    body += ":{\"time\":" + std::to_string(point.time) + ",\"value\":";
    AppendValue(body, point.value);
    body += '}';
  }
  body += "}}";
  return response;
}

http::Response PointsAnswer(const std::vector<store::AggregatePoint>& points,
                            const std::optional<std::string>& next, bool csv) {
  if (csv) return CsvAnswer(points, next);
  http::Response response;
  std::string& body = response.body;
  body = "{\"points\":[";
  bool first = true;
  for (const store::AggregatePoint& point : points) {
    if (!first) body += ',';
    first = false;
    body += '[' + std::to_string(point.time) + ',';
    if (point.value) {
      AppendValue(body, *point.value);
    } else {
      body += "null";
    }
    body += ']';
  }
  body += ']';
  AppendContinue(body, next);
  body += '}';
  return response;
}

http::Response OutputsAnswer(const std::vector<store::OutputRow>& rows,
                             const std::optional<std::string>& next) {
  http::Response response;
  response.body = "{\"items\":[";
  bool first = true;
  for (const store::OutputRow& row : rows) {
    if (!first) response.body += ',';
    first = false;
    AppendOutput(response.body, row);
  }
  response.body += ']';
  AppendContinue(response.body, next);
  response.body += '}';
  return response;
}

}  // namespace outrigger::data_pusher
