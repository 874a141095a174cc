// SPDX-License-Identifier: Apache-2.0
// Rows and progress under seeded chance, held against the plainest models there are: rows against
// what can be computed from the whole list of samples, progress against the set of what ended.
//
// OUTRIGGER_RUNS=N: so many seeds; what fails names its seed.
#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "outrigger/scoring/feed_progress.h"
#include "outrigger/scoring/row_assembly.h"

namespace outrigger::scoring {
namespace {

unsigned Runs(unsigned otherwise) {
  const char* wanted = std::getenv("OUTRIGGER_RUNS");
  return wanted ? static_cast<unsigned>(std::stoul(wanted)) : otherwise;
}

// --- rows ---

const std::vector<InputColumn> kColumns{
    {"a", false},
    {"b", false}
};

struct PlainRow {
  std::int64_t time, seq;
  std::vector<Value> values;
  std::vector<std::int64_t> causes;
  friend bool operator==(const PlainRow&, const PlainRow&) = default;
};

struct Seen {
  std::vector<PlainRow> rows;
  int late = 0;
};

struct Stream {
  Alignment alignment;
  std::int64_t lateness;
  std::vector<Sample> samples;
};

Stream RandomStream(std::mt19937& chance) {
  constexpr std::array kAlignments{Alignment::kLatest, Alignment::kExact, Alignment::kUnion};
  Stream stream{kAlignments[chance() % 3], static_cast<std::int64_t>(chance() % 5), {}};
  std::int64_t clock = 100, offset = 0;
  for (auto left = 5 + chance() % 40; left > 0; --left) {
    clock += static_cast<std::int64_t>(chance() % 3);
    offset += 1 + static_cast<std::int64_t>(chance() % 2);
    Sample sample{offset, EventTime{clock - static_cast<std::int64_t>(chance() % 8)}, {}};
    const auto which = 1 + chance() % 3;
    if (which & 1U) sample.values.emplace_back(0, static_cast<double>(chance() % 100));
    if (which & 2U) sample.values.emplace_back(1, static_cast<double>(chance() % 100));
    stream.samples.push_back(std::move(sample));
  }
  return stream;
}

Seen LatestOf(const Stream& stream) {
  Seen seen;
  for (std::size_t i = 0; i < stream.samples.size(); ++i) {
    std::vector<Value> last(2);
    for (std::size_t j = 0; j <= i; ++j)
      for (const auto& [column, value] : stream.samples[j].values) last[column] = value;
    if (!IsNull(last[0]) && !IsNull(last[1]))
      seen.rows.push_back({stream.samples[i].time.ms, stream.samples[i].offset, last, {}});
  }
  return seen;
}

// Of each event time, by itself: what was taken before the clock passed it, and when it is
// complete.
Seen ByTimeOf(const Stream& stream) {
  const auto clock_before = [&](std::size_t i) {
    std::int64_t clock = INT64_MIN;
    for (std::size_t j = 0; j < i; ++j) clock = std::max(clock, stream.samples[j].time.ms);
    return clock;
  };
  std::set<std::int64_t> times;
  for (const auto& sample : stream.samples) times.insert(sample.time.ms);
  Seen seen;
  std::multimap<std::size_t, PlainRow> emitted;  // by the sample that led to it; by time in that
  for (const std::int64_t time : times) {
    PlainRow row{time, 0, std::vector<Value>(2), {}};
    bool complete = false, closed = false;
    for (std::size_t i = 0; i < stream.samples.size(); ++i) {
      const Sample& sample = stream.samples[i];
      const bool passed = time + stream.lateness < std::max(clock_before(i), sample.time.ms);
      if (passed && !closed && !row.causes.empty()) {
        closed = true;
        if (stream.alignment == Alignment::kUnion) emitted.emplace(i, row);
        if (stream.alignment == Alignment::kExact && !complete)
          seen.late += static_cast<int>(row.causes.size());
      }
      if (sample.time.ms != time) continue;
      if (passed || complete) {
        ++seen.late;
        continue;
      }
      row.causes.push_back(sample.offset);
      for (const auto& [column, value] : sample.values) row.values[column] = value;
      if (stream.alignment != Alignment::kExact || IsNull(row.values[0]) || IsNull(row.values[1]))
        continue;
      complete = true;
      emitted.emplace(i, row);
    }
  }
  std::int64_t seq = -1;
  for (auto& [i, row] : emitted) {
    row.seq = seq = std::max(row.causes.back(), seq + 1);
    seen.rows.push_back(row);
  }
  return seen;
}

Seen Assembled(const Stream& stream, std::mt19937& chance) {
  std::optional<RowAssembler> rows;
  rows.emplace(stream.alignment, 2, Millis(stream.lateness));
  Seen seen;
  for (const Sample& sample : stream.samples) {
    if (chance() % 5 == 0) {  // a restart, from what the journal holds
      const auto journal = nlohmann::json::parse(rows->Snapshot(kColumns).dump());
      rows.emplace(stream.alignment, 2, Millis(stream.lateness));
      rows->Restore(journal, kColumns);
    }
    auto outcome = rows->Add(sample);
    seen.late += outcome.late;
    for (auto& row : outcome.rows)
      seen.rows.push_back({row.time.ms, row.seq, std::move(row.values), std::move(row.causes)});
  }
  return seen;
}

TEST(Simulation, RowsAreWhatTheWholeListOfSamplesSays) {
  const unsigned runs = Runs(300);
  std::size_t rows = 0;
  for (unsigned seed = 1; seed <= runs; ++seed) {
    std::mt19937 chance(seed);
    const Stream stream = RandomStream(chance);
    const Seen wanted =
        stream.alignment == Alignment::kLatest ? LatestOf(stream) : ByTimeOf(stream);
    const Seen seen = Assembled(stream, chance);
    ASSERT_TRUE(seen.rows == wanted.rows) << "seed " << seed;
    ASSERT_EQ(seen.late, wanted.late) << "seed " << seed;
    rows += seen.rows.size();
  }
  EXPECT_GT(rows, runs);
}

// --- progress ---

struct FeedRecord {
  std::int64_t offset;
  Source source;
  std::string subject;
};

// What a pusher writes that is killed now and then: it begins again at an earlier sample, of which
// it may have written a part.
std::vector<FeedRecord> RandomFeed(std::mt19937& chance) {
  std::vector<FeedRecord> feed;
  std::map<int, std::int64_t> next;
  std::int64_t offset = 0;
  const auto subjects = [](int partition, std::int64_t sample) {
    return 1 + (partition * 7 + static_cast<int>(sample) * 5) % 3;
  };
  for (auto left = 20 + chance() % 60; left > 0; --left) {
    const int partition = static_cast<int>(chance() % 2);
    std::int64_t& at = next[partition];
    if (at > 0 && chance() % 8 == 0)
      at -= static_cast<std::int64_t>(chance() % (static_cast<unsigned>(at) + 1)) / 2;
    const int all = subjects(partition, at);
    const bool killed = chance() % 10 == 0;
    const int written =
        killed ? static_cast<int>(chance() % (static_cast<unsigned>(all) + 1)) : all;
    for (int s = 0; s < written; ++s) {
      offset += 1 + (chance() % 4 == 0);
      feed.push_back({
          offset, {partition, at},
           std::format("s{}", s)
      });
    }
    if (!killed) ++at;
  }
  return feed;
}

class Reader {
 public:
  Reader(const std::vector<FeedRecord>& feed, std::mt19937& chance)
      : feed_(feed), chance_(chance) {}

  // Empty: each cause ended once.
  std::string Run() {
    while (at_ < feed_.size() || !open_.empty()) {
      const auto fate = chance_() % 40;
      if (fate == 0)
        Crash();
      else if (fate < 6)
        Commit();
      else if (!open_.empty() && (fate < 20 || at_ == feed_.size()))
        FinishOne();
      else if (at_ < feed_.size())
        TakeOne();
      if (!fault_.empty()) return fault_;
    }
    Commit();
    std::set<std::string> causes;
    for (const auto& record : feed_) causes.insert(NameOf(record));
    for (const auto& [cause, count] : ended_)
      if (count != 1) return std::format("{} ended {} times", cause, count);
    if (ended_.size() != causes.size())
      return std::format("{} of {} ended", ended_.size(), causes.size());
    return "";
  }

 private:
  static std::string NameOf(const FeedRecord& record) {
    return std::format("{}:{}/{}", record.source.partition, record.source.offset, record.subject);
  }

  void TakeOne() {
    const FeedRecord& record = feed_[at_++];
    const auto judged = progress_.Take(record.offset, record.source, record.subject, nullptr);
    if (judged == FeedProgress::Judgement::kNew) open_.push_back(&record);
    if (judged == FeedProgress::Judgement::kFinished && !ended_.contains(NameOf(record)))
      fault_ = NameOf(record) + " is said to have ended";
  }

  void FinishOne() {
    const auto which = open_.begin() + static_cast<std::ptrdiff_t>(chance_() % open_.size());
    progress_.Finish((*which)->offset);
    said_.push_back(NameOf(**which));
    open_.erase(which);
  }

  void Commit() {
    while (progress_.PopSettled()) {
    }
    journal_ = progress_
                   .ToJson(std::max<std::int64_t>(
                       0, progress_.next() - static_cast<std::int64_t>(chance_() % 10)))
                   .dump();
    for (const auto& cause : said_) ++ended_[cause];
    said_.clear();
  }

  // What was not committed is gone; reading begins where some state may need it.
  void Crash() {
    const auto journal = nlohmann::json::parse(journal_);
    progress_ = *FeedProgress::From(journal);
    const auto oldest = journal.at("oldest").get<std::int64_t>();
    at_ = 0;
    while (at_ < feed_.size() && feed_[at_].offset < oldest) ++at_;
    open_.clear();
    said_.clear();
  }

  const std::vector<FeedRecord>& feed_;
  std::mt19937& chance_;
  FeedProgress progress_;
  std::size_t at_ = 0;
  std::vector<const FeedRecord*> open_;
  std::vector<std::string> said_;
  std::map<std::string, int> ended_;
  std::string journal_ = R"({"next":0,"done":[],"oldest":0,"marks":{}})";
  std::string fault_;
};

TEST(Simulation, EachCauseOfAFeedEndsOnceWhateverIsWrittenTwiceAndWheneverItCrashes) {
  const unsigned runs = Runs(100);
  std::size_t records = 0;
  for (unsigned seed = 1; seed <= runs; ++seed) {
    std::mt19937 chance(seed);
    const auto feed = RandomFeed(chance);
    ASSERT_EQ(Reader(feed, chance).Run(), "") << "seed " << seed;
    records += feed.size();
  }
  EXPECT_GT(records, runs * 10);
}

}  // namespace
}  // namespace outrigger::scoring
