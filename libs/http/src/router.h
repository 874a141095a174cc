// SPDX-License-Identifier: Apache-2.0
// Routes: what a Router holds and how a path finds its handler.
//
// Threads: read-only once the server runs.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "head.h"
#include "outrigger/http/server.h"

namespace outrigger::http {

struct RouteEntry {
  std::string method;
  std::string pattern;
  std::vector<std::string> segments;  // "{name}" is a parameter, "{name...}" the rest of a path
  AsyncHandler async;                 // one of the two is set
  Handler blocking;
};

struct RouteMatch {
  const RouteEntry* entry = nullptr;  // null: no such path, or not with this method
  std::size_t index = 0;
  std::string allow;  // "GET, HEAD, OPTIONS": methods of a known path; "" for an unknown one
  std::vector<std::pair<std::string, std::string>> params;
};

class RouteTable {
 public:
  std::vector<RouteEntry> entries;

  void Add(RouteEntry entry);
  // HEAD finds the route of GET when it has none of its own.
  // Errors: a path that cannot be decoded.
  std::expected<RouteMatch, Refusal> Find(std::string_view method, std::string_view path) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  // Indexes of entries: those without parameters by their whole path, the rest by their number of
  // segments.
  std::unordered_map<std::string, std::vector<std::size_t>, TextHash, std::equal_to<>> plain_;
  std::unordered_map<std::size_t, std::vector<std::size_t>> with_params_;
  std::vector<std::size_t> with_rest_;
};

struct Router::State : RouteTable {};

}  // namespace outrigger::http
