// SPDX-License-Identifier: Apache-2.0
// Target: a request's path and query, decoded strictly, so that two spellings of one name never
// mean two things.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outrigger::http {

struct Target {
  std::string_view path;  // still percent-encoded; begins with '/', or is "*"
  std::string_view query;
};

// Splits origin form, absolute form and "*"; nullopt for anything else.
std::optional<Target> SplitTarget(std::string_view target);

// nullopt for a broken escape, a NUL, a control character or invalid UTF-8. `plus_is_blank`: as
// forms encode queries.
std::optional<std::string> PercentDecoded(std::string_view text, bool plus_is_blank = false);

std::optional<std::vector<std::pair<std::string, std::string>>> ParseQuery(std::string_view query);

}  // namespace outrigger::http
