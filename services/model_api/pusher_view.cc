// SPDX-License-Identifier: Apache-2.0
#include "model_api/pusher_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::model_api {
namespace {

// A member that is a whole number.
std::optional<std::int64_t> Whole(const nlohmann::json& json, const char* name) {
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

}  // namespace

Result<std::unique_ptr<PusherView>> PusherView::Start(const messaging::KafkaOptions& kafka,
                                                      int partitions) {
  std::unique_ptr<PusherView> view(new PusherView(partitions));
  OR_ASSIGN(view->table_,
            messaging::CompactedTable::Start(
                kafka, "pusher-status",
                [raw = view.get()](const messaging::Record& record) { raw->Take(record); }));
  return view;
}

bool PusherView::Applied(std::int64_t revision) const {
  const std::lock_guard lock(mutex_);
  return std::cmp_greater_equal(revisions_.size(), partitions_) &&
         std::ranges::all_of(revisions_,
                             [&](const auto& entry) { return entry.second >= revision; });
}

void PusherView::Take(const messaging::Record& record) {
  if (!record.value) return;
  const auto status = ParseJsonOr(*record.value);
  const auto partition = status ? Whole(*status, "partition") : std::nullopt;
  const auto revision = status ? Whole(*status, "catalogRevision") : std::nullopt;
  if (!partition || !revision || *partition < 0 || *partition >= partitions_) {
    LogWarning("bad pusher-status record", {
                                               {"offset", record.offset}
    });
    return;
  }
  const std::lock_guard lock(mutex_);
  revisions_[static_cast<int>(*partition)] = *revision;
}

}  // namespace outrigger::model_api
