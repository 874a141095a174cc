// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/read_table.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace outrigger::data_pusher {

Result<> ReadTable(messaging::CompactedTable& table, std::chrono::milliseconds deadline,
                   std::function<void()> reached) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<Result<>> result;
  };
  const auto answer = std::make_shared<Answer>();  // shared: it may come after we stopped waiting
  table.ReadToEndAsync(deadline, [answer, reached = std::move(reached)](Result<> result) {
    if (result) reached();
    const std::scoped_lock lock(answer->mutex);
    answer->result = std::move(result);
    answer->came.notify_all();
  });
  std::unique_lock lock(answer->mutex);
  const auto came = [&] { return answer->result.has_value(); };
  if (!answer->came.wait_for(lock, deadline + std::chrono::milliseconds{500}, came)) {
    return Error(ErrorCode::kTimeout, "the topic was not read to its end in time");
  }
  return *answer->result;
}

}  // namespace outrigger::data_pusher
