// SPDX-License-Identifier: Apache-2.0
// Score requests: rows of several assets as the JSON document a model gets, in columns.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outrigger/scoring/row_assembly.h"
#include "outrigger/scoring/value.h"

namespace outrigger::scoring {

// A request is at most this long; so is a reply.
inline constexpr std::size_t kMaxMessageBytes = 16U << 20;

struct RequestHead {
  std::string_view request_id;
  std::string_view model;
  std::string_view version;
  std::string_view deployment;
};

// The rows of one asset in a request, in order.
struct AssetRows {
  std::string_view asset;
  std::vector<const Row*> rows;
};

// The body of a REAL_TIME request.
std::string ScoreRequest(const RequestHead& head, std::span<const InputColumn> columns,
                         std::span<const AssetRows> data);

// About how many bytes a row adds to a request; never much too low.
std::size_t RequestBytes(const Row& row);

}  // namespace outrigger::scoring
