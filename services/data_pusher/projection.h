// SPDX-License-Identifier: Apache-2.0
// Projection: what of a sample goes to which feed, so that routing is a pure function of sample and
// catalog.
//
// Threads:  pure functions.
// See also: docs/formats/feed.md
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "data_pusher/catalog_view.h"
#include "data_pusher/sample.h"

namespace outrigger::data_pusher {

// A feed takes no longer record; FeedWriter makes a dead letter of one.
inline constexpr std::size_t kMaxFeedBytes = 16 << 20;

// One record for one feed: a sample's values under the names of a model's inputs.
struct FeedRecord {
  RoutePtr route;
  std::string_view subject;
  std::string value;  // the JSON document; longer than kMaxFeedBytes: it breaks off there
};

// Calls `emit` for each open route and subject that wants something of `sample`.
void Project(const Sample& sample, const CatalogSnapshot& catalog,
             const std::function<void(FeedRecord)>& emit);

}  // namespace outrigger::data_pusher
