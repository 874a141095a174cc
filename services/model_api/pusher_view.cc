// SPDX-License-Identifier: Apache-2.0
#include "model_api/pusher_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"

namespace outrigger::model_api {

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
  if (!status || !status->is_object() || !(*status)["partition"].is_number_integer() ||
      !(*status)["catalogRevision"].is_number_integer()) {
    LogWarning("bad pusher-status record", {
                                               {"offset", record.offset}
    });
    return;
  }
  const std::lock_guard lock(mutex_);
  revisions_[(*status)["partition"].get<int>()] = (*status)["catalogRevision"].get<std::int64_t>();
}

}  // namespace outrigger::model_api
