// SPDX-License-Identifier: Apache-2.0
// Query parameters of the read routes, so that every fault of a query is told at once and in the
// same words.
//
// Threads: pure functions; QueryParameters belongs to one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/http/problem.h"
#include "outrigger/http/server.h"

namespace outrigger::data_pusher {

// Reads parameters and collects what is wrong with them.
class QueryParameters {
 public:
  explicit QueryParameters(const http::Request& request) : request_(request) {}

  // Unix milliseconds or RFC 3339.
  std::optional<std::int64_t> Time(std::string_view name);
  // 1 to 1000, clamped; 100 when absent.
  std::size_t Limit();
  // order=asc|desc.
  bool Descending();
  // One of `allowed`; nullopt when absent.
  std::optional<std::string> OneOf(std::string_view name,
                                   const std::vector<std::string_view>& allowed);
  std::optional<std::int64_t> PositiveMs(std::string_view name);
  std::optional<std::string_view> Text(std::string_view name) const { return request_.Query(name); }

  void Fault(std::string_view name, std::string code, std::string detail);
  // The answer when anything was wrong: 422 with every fault.
  std::optional<http::Response> Refusal() const;

 private:
  const http::Request& request_;
  std::vector<http::Fault> faults_;
};

}  // namespace outrigger::data_pusher
