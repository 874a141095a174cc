// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/stream_offsets.h"

#include <charconv>

namespace outrigger::data_pusher {
namespace {

constexpr int kMaxPartition = 9'999;

// Takes a whole number in its shortest form off the front of `text`.
template <typename Number>
bool TakeNumber(std::string_view& text, Number& number) {
  if (text.empty() || text.front() == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto size = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || (text.front() == '0' && size > 1)) return false;
  text.remove_prefix(size);
  return true;
}

bool TakeChar(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string FormatOffsets(const Offsets& offsets) {
  std::string text;
  for (const auto& [partition, next] : offsets) {
    if (!text.empty()) text += ',';
    text += std::to_string(partition) + ':' + std::to_string(next);
  }
  return text;
}

Result<Offsets> ParseOffsets(std::string_view text) {
  Offsets offsets;
  do {
    int partition = 0;
    std::int64_t next = 0;
    const bool read = TakeNumber(text, partition) && TakeChar(text, ':') && TakeNumber(text, next);
    const bool ascending = offsets.empty() || partition > offsets.rbegin()->first;
    if (!read || !ascending || partition > kMaxPartition) {
      return Error(ErrorCode::kInvalidArgument, "no id of an event of this stream");
    }
    offsets.emplace(partition, next);
  } while (TakeChar(text, ','));
  if (!text.empty()) return Error(ErrorCode::kInvalidArgument, "no id of an event of this stream");
  return offsets;
}

}  // namespace outrigger::data_pusher
