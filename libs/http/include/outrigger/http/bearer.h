// SPDX-License-Identifier: Apache-2.0
// Bearer: roles and bearer tokens as HTTP sees them, so that every service refuses strangers in the
// same words.
//
// Threads:  plain values and pure functions.
// See also: docs/formats/credentials.md (where credentials come from)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "outrigger/http/server.h"

namespace outrigger::http {

// In ascending order: each may do what those before it may.
enum class Role { kViewer, kScientist, kOperator, kAdmin, kPlatformAdmin };

std::optional<Role> ParseRole(std::string_view name);  // "platform-admin"
std::string_view Name(Role role);

// What a token stands for.
struct Credential {
  std::string tenant;
  std::string name;
  Role role = Role::kViewer;
  std::optional<std::int64_t> expires_ms;  // Unix milliseconds
  friend bool operator==(const Credential&, const Credential&) = default;
};

// The token of `Authorization: Bearer TOKEN`; nullopt when there is none or it is malformed.
std::optional<std::string_view> BearerToken(const Request& request);

// The key of a token in the topic `credentials`: SHA-256 in lower-case hex.
std::string TokenKey(std::string_view token);

// Judges a request that needs `needed`. `found` is what its token stands for, null when it has none
// or an unknown one. Returns the refusal: 401 (no token, unknown, expired) before 403 (role too
// low); nullopt when the request may go on.
std::optional<Response> Judge(const Credential* found, Role needed, std::int64_t now_ms);

}  // namespace outrigger::http
