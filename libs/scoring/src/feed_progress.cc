// SPDX-License-Identifier: Apache-2.0
#include "outrigger/scoring/feed_progress.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace outrigger::scoring {

std::optional<Source> ParseSource(std::string_view text) {
  Source source;
  const char* end = text.data() + text.size();
  const auto partition = std::from_chars(text.data(), end, source.partition);
  if (partition.ec != std::errc() || partition.ptr == end || *partition.ptr != ':')
    return std::nullopt;
  const auto offset = std::from_chars(partition.ptr + 1, end, source.offset);
  if (offset.ec != std::errc() || offset.ptr != end) return std::nullopt;
  return source;
}

Result<FeedProgress> FeedProgress::From(const nlohmann::json& journal) {
  FeedProgress progress;
  try {
    progress.next_ = progress.position_ = journal.at("next").get<std::int64_t>();
    for (const auto& range : journal.at("done"))
      progress.done_before_.emplace_back(range.at(0).get<std::int64_t>(),
                                         range.at(1).get<std::int64_t>());
    std::ranges::sort(progress.done_before_);
    for (const auto& [partition, mark] : journal.at("marks").items())
      progress.settled_marks_[std::stoi(partition)] = {
          mark.at("offset").get<std::int64_t>(), mark.at("subjects").get<std::set<std::string>>()};
  } catch (const std::exception& error) {
    return Error(ErrorCode::kCorrupt, std::string("progress of a feed: ") + error.what());
  }
  progress.marks_ = progress.settled_marks_;
  return progress;
}

bool FeedProgress::IsRepeat(const Marks& marks, const Source& source, const std::string& subject) {
  const auto found = marks.find(source.partition);
  if (found == marks.end() || source.offset > found->second.offset) return false;
  return source.offset < found->second.offset || found->second.subjects.contains(subject);
}

void FeedProgress::Advance(Marks& marks, const Source& source, const std::string& subject) {
  Mark& mark = marks[source.partition];
  if (source.offset > mark.offset) mark = {source.offset, {}};
  mark.subjects.insert(subject);
}

bool FeedProgress::WasDone(std::int64_t offset) const {
  const auto after = std::ranges::upper_bound(done_before_, offset, {},
                                              [](const auto& range) { return range.first; });
  return after != done_before_.begin() && std::prev(after)->second >= offset;
}

FeedProgress::Judgement FeedProgress::Take(std::int64_t offset, const std::optional<Source>& source,
                                           const std::string& subject,
                                           std::shared_ptr<const Sample> sample) {
  const bool below = offset < next_;
  Marks& marks = below ? rebuild_marks_ : marks_;
  const bool repeat = source && IsRepeat(marks, *source, subject);
  if (source && !repeat) Advance(marks, *source, subject);
  if (below) return repeat ? Judgement::kRepeat : Judgement::kFinished;
  position_ = offset + 1;
  const bool finished = repeat || WasDone(offset);
  if (repeat) sample.reset();
  entries_.push_back({offset, source, subject, std::move(sample), finished, repeat});
  if (repeat) return Judgement::kRepeat;
  if (finished) return Judgement::kFinished;
  ++unfinished_;
  return Judgement::kNew;
}

void FeedProgress::Finish(std::int64_t offset) {
  const auto entry =
      std::ranges::lower_bound(entries_, offset, {}, [](const Entry& e) { return e.offset; });
  if (entry == entries_.end() || entry->offset != offset || entry->finished) return;
  entry->finished = true;
  --unfinished_;
}

std::optional<FeedProgress::Settled> FeedProgress::PopSettled() {
  if (entries_.empty() || !entries_.front().finished) return std::nullopt;
  Entry entry = std::move(entries_.front());
  entries_.pop_front();
  if (entry.source && !entry.repeat) Advance(settled_marks_, *entry.source, entry.subject);
  // Offsets have holes (markers, compaction): what lies before the next record is finished too.
  next_ = entries_.empty() ? position_ : entries_.front().offset;
  std::erase_if(done_before_, [&](const auto& range) { return range.second < next_; });
  return Settled{entry.offset, std::move(entry.subject), std::move(entry.sample), entry.repeat};
}

std::vector<std::pair<std::int64_t, std::int64_t>> FeedProgress::Done() const {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  bool open = false;
  for (const Entry& entry : entries_) {
    if (!entry.finished)
      open = false;
    else if (std::exchange(open, true))
      ranges.back().second = entry.offset;
    else
      ranges.emplace_back(entry.offset, entry.offset);
  }
  for (const auto& [first, last] : done_before_)  // not read again yet
    if (last >= position_) ranges.emplace_back(std::max(first, position_), last);
  return ranges;
}

nlohmann::json FeedProgress::ToJson(std::int64_t oldest) const {
  nlohmann::json marks = nlohmann::json::object();
  for (const auto& [partition, mark] : settled_marks_)
    marks[std::to_string(partition)] = {
        {"offset",   mark.offset  },
        {"subjects", mark.subjects}
    };
  nlohmann::json done = nlohmann::json::array();
  for (const auto& [first, last] : Done()) done.push_back({first, last});
  return {
      {"next", next_},
      {"done", std::move(done)},
      {"oldest", std::min(oldest, next_)},
      {"marks", std::move(marks)}
  };
}

}  // namespace outrigger::scoring
