// SPDX-License-Identifier: Apache-2.0
#include "data_collector/answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::data_collector {
namespace {

// Beyond this many faults only the first of each record is told: an answer stays in proportion.
constexpr std::size_t kManyFaults = 1'000;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

std::string_view Trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

http::Response Accepted(std::size_t accepted, const std::vector<Rejected>& rejected) {
  if (rejected.empty()) {
    return {202, "{\"accepted\":" + std::to_string(accepted) + "}", "application/json", {}};
  }
  nlohmann::ordered_json body{
      {"accepted", accepted                       },
      {"rejected", nlohmann::ordered_json::array()}
  };
  for (const Rejected& record : rejected) {
    const http::Fault& fault = record.faults.front();
    std::string detail = fault.pointer.empty() ? fault.detail : fault.pointer + ": " + fault.detail;
    if (record.faults.size() > 1)
      detail += " (and " + std::to_string(record.faults.size() - 1) + " more)";
    body["rejected"].push_back({
        {"index",  record.index     },
        {"code",   fault.code       },
        {"detail", std::move(detail)}
    });
  }
  return {207,
          body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
          "application/json",
          {}};
}

http::Response AllBad(const std::vector<Rejected>& rejected, bool lone) {
  http::Problem problem{422, "bad-telemetry", {}, {}, {}, {}, {}};
  problem.detail = lone ? "the record is refused" : "every record is refused; nothing was taken";
  for (const Rejected& record : rejected) {
    const std::string prefix = lone ? std::string() : PointerTo("", record.index);
    for (const http::Fault& fault : record.faults) {
      problem.errors.push_back({prefix + fault.pointer, fault.code, fault.detail});
      if (problem.errors.size() > kManyFaults) break;
    }
  }
  return http::ToResponse(problem);
}

http::Response RefusedBody(const BodyFault& fault) {
  http::Problem problem{fault.status, fault.code, {}, fault.detail, {}, {}, {}};
  if (fault.status != 413) problem.errors.push_back({"", fault.code, fault.detail});
  return http::ToResponse(problem);
}

http::Response NotNow(std::string detail) {
  return http::ToResponse(
      {503,
       "unavailable",
       {},
       std::move(detail),
       "give each record `time` or `id` and send the same again: repeats are then "
       "recognised",
       {},
       {{"Retry-After", "1"}}});
}

BodyForm FormOf(std::string_view content_type, bool encoded) {
  if (encoded) return BodyForm::kNone;
  const std::size_t semicolon = content_type.find(';');
  const std::string type = Lower(Trimmed(content_type.substr(0, semicolon)));
  if (semicolon != std::string_view::npos) {
    std::string parameter = Lower(Trimmed(content_type.substr(semicolon + 1)));
    std::erase(parameter, '"');
    if (!parameter.empty() && parameter != "charset=utf-8") return BodyForm::kNone;
  }
  if (type == "application/json") return BodyForm::kJson;
  if (type == "application/x-ndjson") return BodyForm::kNdjson;
  return BodyForm::kNone;
}

http::Response WrongForm() {
  return http::ToResponse(
      {415,
       "unsupported-media-type",
       {},
       "telemetry comes as application/json or application/x-ndjson in UTF-8, without "
       "Content-Encoding",
       {},
       {},
       {}});
}

}  // namespace outrigger::data_collector
