// SPDX-License-Identifier: Apache-2.0
// Pages of lists: `?limit=&continue=` and {"items": […], "continue": "…"}, so that a list of any
// length is read in bounded pieces.
//
// The continue token is the key of the last item in base64url: it stays good when items before it
// come and go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model_api/judged.h"
#include "outrigger/http/server.h"

namespace outrigger::model_api {

struct Page {
  std::int64_t limit = 100;          // 1 to 1000
  std::optional<std::string> after;  // the key of the last item of the page before
};

// 400 for a limit that is no whole number or a continue token that is none of ours.
Judged<Page> PageOf(const http::Request& request);
// The same for lists ordered by a number.
Judged<std::optional<std::int64_t>> AfterNumber(const Page& page);

// About how much a page holds: where items are large it ends early, with `continue`. A single item
// may be larger. A little less than what our own client takes for one answer.
inline constexpr std::size_t kPageBytes = 15 << 20;

// Rows of a page: up to limit + 1, or fewer where they weigh too much.
template <typename T>
struct Slice {
  std::vector<T> rows;
  bool cut = false;  // rows that would have followed were left out for their weight
};

// Takes the rows of a page in bites, so that large ones are never all in memory.
// `take`: Result<std::vector<T>>(const Page&), rows behind page.after, at most page.limit.
// `key`: what page.after says; `weigh`: about how many bytes a row has.
template <typename T, typename Take, typename Key, typename Weigh>
Result<Slice<T>> TakeInBites(const Page& page, Take take, Key key, Weigh weigh) {
  constexpr std::int64_t kFirstBite = 8, kLastBite = 32;  // of rows up to 3 MiB
  Slice<T> slice;
  std::size_t bytes = 0;
  Page next = page;
  next.limit = kFirstBite;
  for (std::int64_t left = page.limit + 1; left > 0;) {
    next.limit = std::min(left, next.limit);
    OR_ASSIGN(std::vector<T> rows, take(next));
    left -= static_cast<std::int64_t>(rows.size());
    if (static_cast<std::int64_t>(rows.size()) < next.limit) left = 0;
    for (T& row : rows) {
      bytes += weigh(row);
      slice.cut = bytes > kPageBytes && !slice.rows.empty();
      if (slice.cut) return slice;
      slice.rows.push_back(std::move(row));
    }
    if (left > 0) next.after = key(slice.rows.back());
    next.limit = std::min(2 * next.limit, kLastBite);
  }
  return slice;
}

// The body of a list. `found` holds up to limit + 1 items with their keys: the one too many only
// says that there is more. `cut`: there is more, whatever `found` holds.
std::string ListBody(const Page& page, std::vector<std::pair<std::string, nlohmann::json>> found,
                     bool cut = false);

}  // namespace outrigger::model_api
