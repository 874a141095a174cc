// SPDX-License-Identifier: Apache-2.0
#include "model_api/etag.h"

#include "model_api/problems.h"
#include "outrigger/base/text.h"

namespace outrigger::model_api {
namespace {

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string EtagOf(std::string_view canonical) {
  constexpr std::size_t kDigits = 32;
  return "\"" + Sha256Hex(canonical).substr(0, kDigits) + "\"";
}

Judged<> CheckIfMatch(const http::Request& request, const std::string& current) {
  const std::string_view wanted = Trimmed(request.Header("if-match"));
  if (wanted.empty() || wanted == "*") return {};
  for (const std::string_view tag : Split(wanted, ',')) {
    if (Trimmed(tag) == current) return {};
  }
  return PreconditionFailed(current);
}

}  // namespace outrigger::model_api
