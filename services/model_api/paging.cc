// SPDX-License-Identifier: Apache-2.0
#include "model_api/paging.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "model_api/problems.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

constexpr std::int64_t kMaxLimit = 1000;

template <typename Number>
std::optional<Number> WholeNumber(std::string_view text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range && at == end) {
    return text.starts_with('-') ? std::numeric_limits<Number>::min()
                                 : std::numeric_limits<Number>::max();
  }
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

}  // namespace

Judged<Page> PageOf(const http::Request& request) {
  Page page;
  if (const auto limit = request.Query("limit")) {
    const auto value = WholeNumber<std::int64_t>(*limit);
    if (!value) return BadQuery("limit is no whole number", "limit is 1 to 1000");
    page.limit = std::clamp<std::int64_t>(*value, 1, kMaxLimit);
  }
  if (const auto token = request.Query("continue"); token && !token->empty()) {
    auto key = FromBase64Url(*token);
    if (!key || !IsValidUtf8(*key) || key->contains('\0')) {
      return BadQuery("continue is no token of this list",
                      "send the \"continue\" of the page before, unchanged");
    }
    page.after = *std::move(key);
  }
  return page;
}

Judged<std::optional<std::int64_t>> AfterNumber(const Page& page) {
  if (!page.after) return std::optional<std::int64_t>();
  const auto number = WholeNumber<std::int64_t>(*page.after);
  if (!number) {
    return BadQuery("continue is no token of this list",
                    "send the \"continue\" of the page before, unchanged");
  }
  return number;
}

std::string ListBody(const Page& page, std::vector<std::pair<std::string, nlohmann::json>> found,
                     bool cut) {
  nlohmann::json body = {
      {"items", nlohmann::json::array()}
  };
  const auto shown = std::min(found.size(), static_cast<std::size_t>(page.limit));
  for (std::size_t i = 0; i < shown; ++i) body["items"].push_back(std::move(found[i].second));
  if (found.size() > shown || (cut && shown > 0))
    body["continue"] = ToBase64Url(found[shown - 1].first);
  return Dump(body);
}

}  // namespace outrigger::model_api
