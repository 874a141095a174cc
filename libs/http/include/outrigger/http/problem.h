// SPDX-License-Identifier: Apache-2.0
// Problem details (RFC 9457), so that every refusal looks alike and says what to do next.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "outrigger/base/result.h"
#include "outrigger/http/server.h"

namespace outrigger::http {

// One fault of a document: a JSON Pointer, a code in kebab-case, what was found and what is
// allowed.
struct Fault {
  std::string pointer;
  std::string code;
  std::string detail;
};

struct Problem {
  int status = 500;
  std::string code;   // kebab-case; `type` is "https://outrigger.dev/problems/<code>"
  std::string title;  // empty: the status's reason phrase
  std::string detail;
  std::string hint;  // what to do next; sent as "hint" when not empty
  std::vector<Fault> errors;
  HeaderList headers;  // Retry-After, Allow …
};

// application/problem+json. The body names no request, so that equal refusals are byte-equal.
Response ToResponse(const Problem& problem);

// The table of style rule "errors": invalid_argument 422, not_found 404, conflict 409, unavailable
// 503, timeout 504, resource_exhausted 429, corrupt 500, unauthenticated 401, cancelled 503,
// internal 500 (without details).
Problem ProblemFrom(const Error& error);

Response NotFound();  // byte-equal for every missing or foreign object

}  // namespace outrigger::http
