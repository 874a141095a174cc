// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/bearer.h"

#include <algorithm>
#include <array>

#include "outrigger/base/text.h"
#include "outrigger/http/problem.h"

namespace outrigger::http {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"viewer", "scientist", "operator", "admin",
                                                    "platform-admin"};
constexpr std::size_t kMaxToken = 8'192;

bool IsTokenText(std::string_view text) {
  constexpr std::string_view kMarks = "-._~+/=";
  return !text.empty() && text.size() <= kMaxToken && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::optional<Role> ParseRole(std::string_view name) {
  const auto at = std::ranges::find(kNames, name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<Role>(at - kNames.begin());
}

std::string_view Name(Role role) { return kNames[static_cast<std::size_t>(role)]; }

std::optional<std::string_view> BearerToken(const Request& request) {
  std::string_view field = request.Header("authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (field.size() < kScheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = field[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != kScheme[i]) return std::nullopt;
  }
  field.remove_prefix(std::min(field.size(), field.find_first_not_of(' ', kScheme.size())));
  if (!IsTokenText(field)) return std::nullopt;
  return field;
}

std::string TokenKey(std::string_view token) { return Sha256Hex(token); }

std::optional<Response> Judge(const Credential* found, Role needed, std::int64_t now_ms) {
  if (!found || (found->expires_ms && *found->expires_ms <= now_ms)) {
    Problem problem = ProblemFrom(Error(ErrorCode::kUnauthenticated,
                                        "the bearer token is missing, unknown or has expired",
                                        "send Authorization: Bearer TOKEN"));
    return ToResponse(problem);
  }
  if (found->role >= needed) return std::nullopt;
  return ToResponse({403,
                     "role-too-low",
                     {},
                     "this needs the role " + std::string(Name(needed)) + " or higher",
                     "ask an admin of the tenant for a token of that role",
                     {},
                     {}});
}

}  // namespace outrigger::http
