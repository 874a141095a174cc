// SPDX-License-Identifier: Apache-2.0
// Pages of lists: `?limit=&continue=` and {"items": […], "continue": "…"}, so that a list of any
// length is read in bounded pieces.
//
// The continue token is the key of the last item in base64url: it stays good when items before it
// come and go.
#pragma once

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

// The body of a list. `found` holds up to limit + 1 items with their keys: the one too many only
// says that there is more.
std::string ListBody(const Page& page, std::vector<std::pair<std::string, nlohmann::json>> found);

}  // namespace outrigger::model_api
