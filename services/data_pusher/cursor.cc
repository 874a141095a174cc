// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/cursor.h"

#include <charconv>
#include <optional>

#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::data_pusher {
namespace {

constexpr std::string_view kPoint = "p1|";
constexpr std::string_view kOutput = "o1|";

Error Bad() {
  return {ErrorCode::kInvalidArgument, "not a value that an answer's `continue` had",
          "leave `continue` out to begin at the first page"};
}

template <typename T>
std::optional<T> Number(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The decoded text behind `prefix`.
std::optional<std::string> Decoded(std::string_view text, std::string_view prefix) {
  const Result<std::string> decoded = FromBase64Url(text);
  if (!decoded || !decoded->starts_with(prefix)) return std::nullopt;
  return decoded->substr(prefix.size());
}

}  // namespace

std::string PointCursor(std::int64_t time) {
  return ToBase64Url(std::string(kPoint) + std::to_string(time));
}

Result<std::int64_t> ParsePointCursor(std::string_view text) {
  const auto body = Decoded(text, kPoint);
  if (!body) return Bad();
  const auto time = Number<std::int64_t>(*body);
  if (!time) return Bad();
  return *time;
}

std::string OutputCursor(const store::OutputRow& row) {
  return ToBase64Url(std::string(kOutput) + std::to_string(row.time) + '|' +
                     std::to_string(row.position) + '|' + row.identity);
}

Result<store::OutputsQuery::Place> ParseOutputCursor(std::string_view text) {
  const auto body = Decoded(text, kOutput);
  if (!body || !IsValidUtf8(*body) || body->find('\0') != std::string::npos) return Bad();
  const std::string_view rest = *body;
  const std::size_t first = rest.find('|');
  const std::size_t second = first == std::string_view::npos ? first : rest.find('|', first + 1);
  if (second == std::string_view::npos) return Bad();
  const auto time = Number<std::int64_t>(rest.substr(0, first));
  const auto position = Number<int>(rest.substr(first + 1, second - first - 1));
  if (!time || !position) return Bad();
  return store::OutputsQuery::Place{*time, std::string(rest.substr(second + 1)), *position};
}

}  // namespace outrigger::data_pusher
