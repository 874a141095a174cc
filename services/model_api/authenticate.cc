// SPDX-License-Identifier: Apache-2.0
#include "model_api/authenticate.h"

#include "model_api/problems.h"
#include "model_api/token_store.h"

namespace outrigger::model_api {

Judged<Caller> Authenticate(Api& api, const http::Request& request) {
  const auto token = http::BearerToken(request);
  if (!token) return Unauthenticated();
  OR_ASSIGN(auto caller, FindCaller(api.database, http::TokenKey(*token)));
  if (!caller) return Unauthenticated();
  return *std::move(caller);
}

}  // namespace outrigger::model_api
