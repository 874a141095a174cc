// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/progress.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "outrigger/base/json.h"

namespace outrigger::scoring {
namespace {

using Json = nlohmann::json;

}  // namespace

bool Progress::Repeats(const Marks& marks, const FeedRecord& record) {
  const auto found = marks.find(record.source_partition);
  if (found == marks.end() || record.source_offset > found->second.offset) return false;
  return record.source_offset < found->second.offset ||
         found->second.subjects.contains(record.subject);
}

void Progress::Remember(Marks& marks, int partition, std::int64_t offset,
                        const std::string& subject) {
  Mark& mark = marks[partition];
  if (offset < mark.offset) return;
  if (offset > mark.offset) mark.offset = offset, mark.subjects.clear();
  mark.subjects.insert(subject);
}

Progress::Verdict Progress::Take(const FeedRecord& record) {
  read_ = std::max(read_, record.offset + 1);
  if (record.offset < start_) {
    const bool repeat = Repeats(rebuild_marks_, record);
    Remember(rebuild_marks_, record.source_partition, record.source_offset, record.subject);
    return repeat ? Verdict::kRepeat : Verdict::kFinished;
  }
  if (record.offset < next_ || open_.contains(record.offset))
    return Verdict::kFinished;  // read twice in one life
  const bool repeat = Repeats(live_marks_, record);
  Remember(live_marks_, record.source_partition, record.source_offset, record.subject);
  const auto after = done_.upper_bound(record.offset);
  const bool finished = after != done_.begin() && std::prev(after)->second >= record.offset;
  open_[record.offset] = {finished || repeat, repeat, record.source_partition, record.source_offset,
                          record.subject};
  if (repeat || finished) {
    Advance();
    return repeat ? Verdict::kRepeat : Verdict::kFinished;
  }
  unfinished_.insert(record.offset);
  Advance();
  return Verdict::kNew;
}

void Progress::Finish(std::int64_t offset) {
  const auto found = open_.find(offset);
  if (found == open_.end() || found->second.finished) return;
  found->second.finished = true;
  unfinished_.erase(offset);
  Advance();
}

std::int64_t Progress::next() const { return next_; }

// next_ moves over everything finished; the marks of what it passes become those to journal.
void Progress::Advance() {
  while (!open_.empty() && open_.begin()->second.finished) {
    const Open& open = open_.begin()->second;
    if (!open.repeat)
      Remember(next_marks_, open.source_partition, open.source_offset, open.subject);
    next_ = open_.begin()->first + 1;
    open_.erase(open_.begin());
  }
  if (open_.empty()) next_ = std::max(next_, read_);
  done_.erase(done_.begin(), std::find_if(done_.begin(), done_.end(), [&](const auto& range) {
                return range.second >= next_;
              }));
}

std::string Progress::ToJson(std::int64_t oldest) const {
  std::map<std::int64_t, std::int64_t> ranges =
      done_;  // restored ones that were not read again yet
  std::int64_t first = -1, last = -1;
  const auto flush = [&] {
    if (first >= 0) ranges[first] = std::max(ranges[first], last);
    first = -1;
  };
  for (const auto& [offset, open] : open_) {
    if (!open.finished) {
      flush();
      continue;
    }
    if (first < 0) first = offset;
    last = offset;
  }
  flush();
  Json done = Json::array();
  for (const auto& [from, to] : ranges) done.push_back({from, to});
  Json marks = Json::object();
  for (const auto& [partition, mark] : next_marks_)
    marks[std::to_string(partition)] = {
        {"offset",   mark.offset  },
        {"subjects", mark.subjects}
    };
  return Dump(Json{
      {"next", next_},
      {"done", done},
      {"oldest", std::min(oldest, next_)},
      {"marks", marks}
  });
}

Result<Progress> Progress::FromJson(std::string_view text) {
  const auto json = ParseJsonOr(text, {.bytes = 17 << 20});
  if (!json) return Error(ErrorCode::kCorrupt, "progress: " + json.error().message());
  try {
    Progress progress;
    progress.start_ = progress.next_ = progress.read_ = json->at("next").get<std::int64_t>();
    progress.oldest_ = std::min(json->at("oldest").get<std::int64_t>(), progress.next_);
    for (const auto& range : json->at("done"))
      progress.done_[range.at(0).get<std::int64_t>()] = range.at(1).get<std::int64_t>();
    for (const auto& [partition, mark] : json->at("marks").items()) {
      progress.next_marks_[std::stoi(partition)] = {
          mark.at("offset").get<std::int64_t>(), mark.at("subjects").get<std::set<std::string>>()};
    }
    progress.live_marks_ = progress.next_marks_;
    return progress;
  } catch (const std::exception& error) {
    return Error(ErrorCode::kCorrupt, std::string("progress: ") + error.what());
  }
}

std::string Ranges(const std::vector<std::int64_t>& offsets) {
  std::string text;
  for (std::size_t i = 0; i < offsets.size();) {
    std::size_t j = i;
    while (j + 1 < offsets.size() && offsets[j + 1] == offsets[j] + 1) ++j;
    if (!text.empty()) text += ',';
    text += std::to_string(offsets[i]) + "-" + std::to_string(offsets[j]);
    i = j + 1;
  }
  return text;
}

}  // namespace outrigger::scoring
