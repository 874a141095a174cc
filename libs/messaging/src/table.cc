// SPDX-License-Identifier: Apache-2.0
#include "outrigger/messaging/table.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "outrigger/base/log.h"

namespace outrigger::messaging {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kTurn{20};  // how long a new wish may wait for the thread
constexpr milliseconds kRestartWait{1'000};

std::int64_t RevisionOf(const Record& record) {
  std::int64_t revision = 0;
  if (const auto text = FindHeader(record.headers, "revision"))
    std::from_chars(text->data(), text->data() + text->size(), revision);
  return revision;
}

class KafkaCompactedTable final : public CompactedTable {
 public:
  KafkaCompactedTable(KafkaOptions kafka, std::string topic, Apply apply,
                      std::function<void()> caught_up)
      : kafka_(std::move(kafka)),
        topic_(std::move(topic)),
        apply_(std::move(apply)),
        caught_up_(std::move(caught_up)) {}

  ~KafkaCompactedTable() override {
    thread_.request_stop();
    asker_.request_stop();
    asked_.notify_all();
    if (asker_.joinable()) asker_.join();
    if (thread_.joinable()) thread_.join();
    const std::lock_guard lock(mutex_);
    Finish(wishes_, Error(ErrorCode::kCancelled, "the table is closed"));
  }

  Result<> Start() {
    OR_ASSIGN(admin_, Admin::Make(kafka_));
    OR_RETURN_IF_ERROR(Open());
    thread_ = std::jthread([this](const std::stop_token& stop) { Follow(stop); });
    asker_ = std::jthread([this](const std::stop_token& stop) { AskEnds(stop); });
    return {};
  }

  bool Ready() const override { return ready_; }
  std::int64_t Revision() const override { return revision_; }

  Result<> ReadToEnd(milliseconds deadline) override {
    struct Wait {
      std::mutex mutex;
      std::condition_variable done;
      std::optional<Result<>> result;
    };
    const auto wait = std::make_shared<Wait>();  // shared: the table may answer after we gave up
    ReadToEndAsync(deadline, [wait](Result<> result) {
      const std::lock_guard lock(wait->mutex);
      wait->result = std::move(result);
      wait->done.notify_all();
    });
    std::unique_lock lock(wait->mutex);
    wait->done.wait_for(lock, deadline + 2 * kRestartWait,
                        [&] { return wait->result.has_value(); });
    if (!wait->result) return Error(ErrorCode::kTimeout, "no end of " + topic_ + " in time");
    return *wait->result;
  }

  void ReadToEndAsync(milliseconds deadline, std::function<void(Result<>)> done) override {
    const std::lock_guard lock(mutex_);
    wishes_.push_back({SystemClock().Now() + deadline, std::nullopt, false, std::move(done)});
    asked_.notify_all();
  }

 private:
  // Somebody waits until everything below `end` is applied; the end is asked for after the wish.
  struct Wish {
    SteadyTime until;
    std::optional<std::int64_t> end;
    bool asking = false;
    std::function<void(Result<>)> done;
  };

  Result<> Open() {
    Consumer::Options options;
    options.queued_bytes = 4 << 20;
    OR_ASSIGN(consumer_, Consumer::Make(kafka_, options));
    return consumer_->Assign({
        {{topic_, 0}, next_ > 0 ? next_ : Consumer::kBeginning}
    });
  }

  void Follow(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (!consumer_ && !Open()) {
        SleepFor(kRestartWait);
        continue;
      }
      auto batch = consumer_->Poll(kTurn);
      if (!batch) {
        LogError("compacted topic is opened anew", {
                                                       {"topic", topic_},
                                                       batch.error()
        });
        consumer_.reset();
        continue;
      }
      for (const Record& record : batch->records) ApplyOne(record);
      for (const auto& end : batch->ends) {
        next_ = std::max(next_, end.next);
        ready_ = true;
        if (std::exchange(fresh_, false) && caught_up_) caught_up_();
      }
      ServeWishes();
    }
  }

  void ApplyOne(const Record& record) {
    next_ = record.offset + 1;
    fresh_ = true;
    const std::int64_t revision = RevisionOf(record);
    if (record.key) {
      auto& seen = applied_[*record.key];
      if (revision < seen) return;
      seen = revision;
    }
    try {
      apply_(record);
    } catch (
        const std::exception& thrown) {  // one record must not end the process, again and again
      LogError("a record of a compacted topic is passed over",
               {
                   {"topic",  topic_       },
                   {"offset", record.offset},
                   {"why",    thrown.what()}
      });
    }
    revision_ = std::max(revision_.load(), revision);
  }

  void ServeWishes() {
    std::vector<Wish> met, late;
    {
      const std::lock_guard lock(mutex_);
      const auto now = SystemClock().Now();
      std::erase_if(wishes_, [&](Wish& wish) {
        const bool reached = wish.end && next_ >= *wish.end;
        if (!reached && now < wish.until) return false;
        if (reached) ready_ = true;
        (reached ? met : late).push_back(std::move(wish));
        return true;
      });
    }
    for (auto& wish : met) wish.done({});
    Finish(late, Error(ErrorCode::kUnavailable, "no end of " + topic_ + " in time"));
  }

  static void Finish(std::vector<Wish>& wishes, const Error& error) {
    for (auto& wish : wishes) wish.done(error);
    wishes.clear();
  }

  // One look at the end serves all who wished before it began.
  void AskEnds(const std::stop_token& stop) {
    const auto unasked = [](const Wish& wish) { return !wish.end; };
    while (!stop.stop_requested()) {
      {
        std::unique_lock lock(mutex_);
        asked_.wait(lock, stop, [&] { return std::ranges::any_of(wishes_, unasked); });
        if (stop.stop_requested()) return;
        for (auto& wish : wishes_) wish.asking = !wish.end;
      }
      const auto ends = admin_->EndOffsets(topic_, kRestartWait);
      if (!ends || !ends->contains(0)) {
        SleepFor(kTurn);
        continue;
      }
      const std::lock_guard lock(mutex_);
      for (auto& wish : wishes_)
        if (wish.asking) wish.end = ends->at(0), wish.asking = false;
    }
  }

  const KafkaOptions kafka_;
  const std::string topic_;
  const Apply apply_;
  const std::function<void()> caught_up_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<Consumer> consumer_;
  std::int64_t next_ = 0;  // on the thread only, as the two below
  bool fresh_ = true;
  std::unordered_map<std::string, std::int64_t> applied_;  // revision by key
  std::atomic<bool> ready_{false};
  std::atomic<std::int64_t> revision_{0};
  std::mutex mutex_;
  std::condition_variable_any asked_;
  std::vector<Wish> wishes_;  // under mutex_
  std::jthread thread_, asker_;
};

}  // namespace

Result<std::unique_ptr<CompactedTable>> CompactedTable::Start(const KafkaOptions& kafka,
                                                              const std::string& topic, Apply apply,
                                                              std::function<void()> caught_up) {
  auto table =
      std::make_unique<KafkaCompactedTable>(kafka, topic, std::move(apply), std::move(caught_up));
  OR_RETURN_IF_ERROR(table->Start());
  return std::unique_ptr<CompactedTable>(std::move(table));
}

}  // namespace outrigger::messaging
