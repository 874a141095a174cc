// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/caller.h"

#include <optional>
#include <utility>

#include "outrigger/http/bearer.h"
#include "outrigger/http/problem.h"

namespace outrigger::data_pusher {

http::Response FailureOf(const Error& error) {
  http::Problem problem = http::ProblemFrom(error);
  if (error.code() == ErrorCode::kResourceExhausted) problem.status = 503;
  if (problem.status == 503) problem.headers.emplace_back("Retry-After", "1");
  return http::ToResponse(problem);
}

std::expected<http::Credential, http::Response> Viewer(const http::Request& request,
                                                       CredentialView& credentials, Clock& clock) {
  std::optional<http::Credential> credential;
  if (const auto token = http::BearerToken(request)) {
    auto found = credentials.Find(*token);
    if (!found) {
      return std::unexpected(FailureOf(Error(ErrorCode::kUnavailable, found.error().message())));
    }
    credential = *std::move(found);
  }
  const http::Credential* judged = credential ? &*credential : nullptr;
  if (auto refusal = http::Judge(judged, http::Role::kViewer, clock.WallMs())) {
    return std::unexpected(*std::move(refusal));
  }
  return *std::move(credential);
}

}  // namespace outrigger::data_pusher
