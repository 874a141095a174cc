// SPDX-License-Identifier: Apache-2.0
// Authentication: from a bearer token to tenant and role.
//
// See also: outrigger/http/bearer.h, docs/formats/credentials.md
#pragma once

#include "model_api/context.h"

namespace outrigger::model_api {

// 401 when there is no token, or it is unknown, revoked or expired; which of these is not told.
Judged<Caller> Authenticate(Api& api, const http::Request& request);

}  // namespace outrigger::model_api
