// SPDX-License-Identifier: Apache-2.0
// Judged: what a request got, or the problem that refuses it, so that handlers read as a list of
// checks and every refusal leaves by one door.
//
// Threads: plain values.
#pragma once

#include <expected>
#include <utility>

#include "outrigger/base/result.h"
#include "outrigger/http/problem.h"

namespace outrigger::model_api {

template <typename T = void>
class [[nodiscard]] Judged : public std::expected<T, http::Problem> {
 public:
  using std::expected<T, http::Problem>::expected;
  Judged(http::Problem problem)  // NOLINT
      : std::expected<T, http::Problem>(std::unexpected(std::move(problem))) {}
  Judged(const Error& error)  // NOLINT
      : std::expected<T, http::Problem>(std::unexpected(http::ProblemFrom(error))) {}
  bool ok() const { return this->has_value(); }
};

}  // namespace outrigger::model_api
