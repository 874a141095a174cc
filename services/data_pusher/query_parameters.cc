// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/query_parameters.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "outrigger/base/clock.h"
#include "outrigger/base/json.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::int64_t kLimit = 100;
constexpr std::int64_t kMaxLimit = 1'000;

enum class Integer { kNone, kTooLarge, kFits };

Integer ReadInteger(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || text.empty()) return Integer::kNone;
  if (error == std::errc::result_out_of_range) return Integer::kTooLarge;
  return error == std::errc() ? Integer::kFits : Integer::kNone;
}

}  // namespace

void QueryParameters::Fault(std::string_view name, std::string code, std::string detail) {
  faults_.push_back({PointerTo("", name), std::move(code), std::move(detail)});
}

std::optional<std::int64_t> QueryParameters::Time(std::string_view name) {
  const auto text = request_.Query(name);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  if (ReadInteger(*text, number) == Integer::kFits) return number;
  std::string stamp(*text);
  std::ranges::replace(stamp, ' ', '+');  // an offset's + that nobody encoded
  const Result<std::int64_t> parsed = ParseTime(stamp);
  if (parsed) return *parsed;
  Fault(name, "bad-time", "Unix milliseconds or RFC 3339, such as 2026-11-21T10:00:00Z");
  return std::nullopt;
}

std::size_t QueryParameters::Limit() {
  const auto text = request_.Query("limit");
  if (!text) return kLimit;
  std::int64_t number = 0;
  switch (ReadInteger(*text, number)) {
    case Integer::kFits:
      return static_cast<std::size_t>(std::clamp<std::int64_t>(number, 1, kMaxLimit));
    case Integer::kTooLarge:
      return text->starts_with('-') ? 1 : kMaxLimit;
    case Integer::kNone:
      break;
  }
  Fault("limit", "bad-limit", "a whole number, 1 to 1000");
  return kLimit;
}

bool QueryParameters::Descending() { return OneOf("order", {"asc", "desc"}) == "desc"; }

std::optional<std::string> QueryParameters::OneOf(std::string_view name,
                                                  const std::vector<std::string_view>& allowed) {
  const auto text = request_.Query(name);
  if (!text) return std::nullopt;
  if (std::ranges::find(allowed, *text) != allowed.end()) return std::string(*text);
  std::string detail = "one of";
  for (const std::string_view each : allowed) detail += ' ' + std::string(each);
  Fault(name, "not-allowed", std::move(detail));
  return std::nullopt;
}

std::optional<std::int64_t> QueryParameters::PositiveMs(std::string_view name) {
  const auto text = request_.Query(name);
  if (!text) return std::nullopt;
  std::int64_t number = 0;
  if (ReadInteger(*text, number) == Integer::kFits && number >= 1) return number;
  Fault(name, "not-allowed", "a whole number of milliseconds, at least 1");
  return std::nullopt;
}

std::optional<http::Response> QueryParameters::Refusal() const {
  if (faults_.empty()) return std::nullopt;
  http::Problem problem;
  problem.status = 422;
  problem.code = "bad-query";
  problem.detail = "the query's parameters cannot be used";
  problem.errors = faults_;
  return http::ToResponse(problem);
}

}  // namespace outrigger::data_pusher
