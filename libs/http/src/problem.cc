// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/problem.h"

#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"
#include "reason.h"

namespace outrigger::http {

Response ToResponse(const Problem& problem) {
  nlohmann::ordered_json body;
  body["type"] = problem.code.empty() ? std::string("about:blank")
                                      : "https://outrigger.dev/problems/" + problem.code;
  body["title"] = problem.title.empty() ? std::string(ReasonPhrase(problem.status)) : problem.title;
  body["status"] = problem.status;
  if (!problem.detail.empty()) body["detail"] = problem.detail;
  if (!problem.hint.empty()) body["hint"] = problem.hint;
  if (!problem.errors.empty()) {
    auto& errors = body["errors"] = nlohmann::ordered_json::array();
    for (const Fault& fault : problem.errors) {
      errors.push_back({
          {"pointer", fault.pointer},
          {"code",    fault.code   },
          {"detail",  fault.detail }
      });
    }
  }
  return {problem.status,
          body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
          "application/problem+json", problem.headers};
}

Problem ProblemFrom(const Error& error) {
  const auto with = [&](int status, std::string code) {
    return Problem{status, std::move(code), {}, error.message(), error.hint(), {}, {}};
  };
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
      return with(422, "invalid-argument");
    case ErrorCode::kNotFound:
      return with(404, "not-found");
    case ErrorCode::kConflict:
      return with(409, "conflict");
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled: {
      Problem problem = with(503, "unavailable");
      problem.headers.emplace_back("Retry-After", "1");
      return problem;
    }
    case ErrorCode::kTimeout:
      return with(504, "timeout");
    case ErrorCode::kResourceExhausted: {
      Problem problem = with(429, "resource-exhausted");
      problem.headers.emplace_back("Retry-After", "1");
      return problem;
    }
    case ErrorCode::kUnauthenticated: {
      Problem problem = with(401, "unauthenticated");
      problem.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"outrigger\"");
      return problem;
    }
    // What went wrong inside is for the log, not for strangers.
    case ErrorCode::kCorrupt:
      return {500, "corrupt", {}, "stored data breaks its format; the log says which", {}, {}, {}};
    case ErrorCode::kInternal:
      break;
  }
  return {500, "internal", {}, "something went wrong here; the log says what", {}, {}, {}};
}

Response NotFound() {
  return ToResponse({404, "not-found", {}, "there is no such thing here", {}, {}, {}});
}

}  // namespace outrigger::http
