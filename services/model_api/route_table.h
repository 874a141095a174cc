// SPDX-License-Identifier: Apache-2.0
// The route table: every route of this service with its role, documents and answers in one place,
// so that the router, the judgement of roles and the OpenAPI document cannot differ.
#pragma once

#include <span>
#include <string_view>

#include "model_api/context.h"
#include "model_api/role.h"

namespace outrigger::model_api {

struct QueryParameter {
  std::string_view name;
  std::string_view type;  // of JSON Schema: string, integer, boolean
  std::string_view help;
};

struct ApiRoute {
  std::string_view method;
  std::string_view pattern;  // with the prefix /api/v1
  bool open;                 // no credential is asked for
  Role role;                 // the lowest that may
  bool keyed;                // takes an Idempotency-Key
  std::string_view summary;
  std::string_view request;  // name of the schema of the body; empty: none
  int status;                // of success
  std::string_view answer;   // name of the schema of the answer; empty: no body
  bool list;                 // {"items": [answer …], "continue"}
  std::span<const QueryParameter> query;
  Judged<Answer> (*handle)(Context& context);
};

std::span<const ApiRoute> RouteTable();

}  // namespace outrigger::model_api
