// SPDX-License-Identifier: Apache-2.0
// Who asks, from the credential and never from the body.
//
// See also: outrigger/http/bearer.h (roles, each of which may do all that the lower ones may)
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "outrigger/base/ids.h"
#include "outrigger/http/bearer.h"

namespace outrigger::model_api {

using http::Name;
using http::Role;

// In the order of Role, as an answer lists them.
inline constexpr std::array<std::string_view, 5> kRoleNames = {"viewer", "scientist", "operator",
                                                               "admin", "platform-admin"};

struct Caller {
  TenantId tenant;
  std::string token;  // the token's name
  Role role = Role::kViewer;
};

}  // namespace outrigger::model_api
