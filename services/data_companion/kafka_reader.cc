// SPDX-License-Identifier: Apache-2.0
#include "data_companion/kafka_reader.h"

#include <utility>

#include "outrigger/base/log.h"

namespace outrigger::companion {
namespace {

using messaging::Consumer;
using messaging::TopicPartition;

constexpr Millis kPoll{10};  // how long a new wish may wait for the reader
constexpr std::size_t kRecordsAtOnce = 500;
constexpr int kMaxUnderWay = 4;
constexpr Millis kLookAtTopics{1'000};
constexpr Millis kAdminWait{2'000};
constexpr Millis kReopenAfter{1'000};
constexpr std::size_t kQueuedBytes = 16U << 20;

}  // namespace

KafkaReader::KafkaReader(messaging::KafkaOptions kafka, EventLoop& loop, TopicsSink topics)
    : kafka_(std::move(kafka)), loop_(loop), topics_(std::move(topics)) {}

KafkaReader::~KafkaReader() { Stop(); }

void KafkaReader::Start() {
  reader_ = std::jthread([this](const std::stop_token& stop) { Read(stop); });
  admin_ = std::jthread([this](const std::stop_token& stop) { Administer(stop); });
}

void KafkaReader::Stop() {
  reader_.request_stop();
  admin_.request_stop();
  if (reader_.joinable()) reader_.join();
  if (admin_.joinable()) admin_.join();
}

void KafkaReader::Push(Command command) {
  const std::lock_guard lock(mutex_);
  commands_.push_back(std::move(command));
}

void KafkaReader::Open(const TopicPartition& at, std::int64_t from,
                       std::shared_ptr<const std::vector<scoring::InputColumn>> columns,
                       Sink sink) {
  opened_[at] = {++generations_, std::move(sink)};
  Push({Wish::kOpen, at, from, generations_, std::move(columns)});
}

void KafkaReader::OpenRaw(const TopicPartition& at, std::int64_t from, RawSink sink) {
  opened_[at] = {++generations_, std::move(sink)};
  Push({Wish::kOpen, at, from, generations_, nullptr});
}

void KafkaReader::Close(const TopicPartition& at) {
  opened_.erase(at);
  Push({Wish::kClose, at});
}

void KafkaReader::Pause(const TopicPartition& at) { Push({Wish::kPause, at}); }
void KafkaReader::Resume(const TopicPartition& at) { Push({Wish::kResume, at}); }

void KafkaReader::Ends(const std::string& topic,
                       std::function<void(std::map<int, std::int64_t>)> done) {
  const std::lock_guard lock(mutex_);
  questions_.push_back({topic, std::move(done)});
  changed_.notify_all();
}

void KafkaReader::HighWatermarks(const std::string& topic,
                                 std::function<void(std::map<int, std::int64_t>)> done) {
  const std::lock_guard lock(mutex_);
  questions_.push_back({topic, std::move(done), false});
  changed_.notify_all();
}

void KafkaReader::Read(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!consumer_) {
      if (const auto opened = Reopen(); !opened) {
        LogError("no Kafka consumer", {opened.error()});
        SleepFor(kReopenAfter);
        continue;
      }
    }
    Obey();
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, stop, kPoll, [&] { return under_way_ < kMaxUnderWay; }))
        continue;
    }
    auto batch = consumer_->Poll(kPoll, kRecordsAtOnce);
    if (!batch) {
      LogError("Kafka consumer is made anew", {batch.error()});
      consumer_.reset();
      SleepFor(kReopenAfter);
      continue;
    }
    if (batch->records.empty() && batch->ends.empty()) continue;
    auto chunks = Sort(*std::move(batch));
    {
      const std::lock_guard lock(mutex_);
      ++under_way_;
    }
    loop_.Post([this, chunks = std::move(chunks)]() mutable {
      {
        const std::lock_guard lock(mutex_);
        --under_way_;
        changed_.notify_all();
      }
      Deliver(std::move(chunks));
    });
  }
}

// What the loop wished for, as one change of the assignment.
void KafkaReader::Obey() {
  std::vector<Command> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  if (commands.empty()) return;
  std::map<TopicPartition, bool> fresh;  // opened now, or gone
  std::map<TopicPartition, bool> pauses;
  for (Command& command : commands) {
    const auto known = reading_.find(command.at);
    switch (command.wish) {
      case Wish::kOpen:
        reading_[command.at] = {command.generation, std::move(command.columns), command.from,
                                false};
        fresh[command.at] = true;
        pauses.erase(command.at);
        break;
      case Wish::kClose:
        if (known != reading_.end()) reading_.erase(known);
        fresh[command.at] = true;
        pauses.erase(command.at);
        break;
      case Wish::kPause:
      case Wish::kResume:
        if (known == reading_.end()) break;
        known->second.paused = command.wish == Wish::kPause;
        pauses[command.at] = known->second.paused;
        break;
    }
  }
  if (!fresh.empty()) {
    std::map<TopicPartition, std::int64_t> from;
    for (const auto& [at, reading] : reading_)
      from[at] = fresh.contains(at) ? reading.next : Consumer::kKeep;
    if (const auto assigned = consumer_->Assign(from); !assigned)
      LogError("assignment of feeds", {assigned.error()});
  }
  std::vector<TopicPartition> pause, resume;
  for (const auto& [at, paused] : pauses) (paused ? pause : resume).push_back(at);
  if (!pause.empty()) (void)consumer_->Pause(pause);
  if (!resume.empty()) (void)consumer_->Resume(resume);
}

Result<> KafkaReader::Reopen() {
  Consumer::Options options;
  options.queued_bytes = kQueuedBytes;
  OR_ASSIGN(consumer_, Consumer::Make(kafka_, options));
  std::map<TopicPartition, std::int64_t> from;
  std::vector<TopicPartition> paused;
  for (const auto& [at, reading] : reading_) {
    from[at] = reading.next;
    if (reading.paused) paused.push_back(at);
  }
  OR_RETURN_IF_ERROR(consumer_->Assign(from));
  return paused.empty() ? Result<>() : consumer_->Pause(paused);
}

// Records and ends by partition, decoded here so that the loop does not.
std::vector<KafkaReader::Chunk> KafkaReader::Sort(Consumer::Batch batch) {
  std::map<TopicPartition, Chunk> chunks;
  const auto chunk_of = [&](const TopicPartition& at, Reading& reading) -> Chunk& {
    Chunk& chunk = chunks[at];
    chunk.at = at;
    chunk.generation = reading.generation;
    return chunk;
  };
  for (auto& record : batch.records) {
    const TopicPartition at{record.topic, record.partition};
    const auto reading = reading_.find(at);
    if (reading == reading_.end() || record.offset < reading->second.next) continue;
    reading->second.next = record.offset + 1;
    Chunk& chunk = chunk_of(at, reading->second);
    if (reading->second.columns)
      chunk.feed.push_back(ReadFeedRecord(std::move(record), *reading->second.columns));
    else
      chunk.raw.push_back(std::move(record));
  }
  for (const auto& end : batch.ends) {
    const auto reading = reading_.find(end.at);
    if (reading != reading_.end()) chunk_of(end.at, reading->second).end = end.next;
  }
  std::vector<Chunk> sorted;
  for (auto& [at, chunk] : chunks) sorted.push_back(std::move(chunk));
  return sorted;
}

void KafkaReader::Deliver(std::vector<Chunk> chunks) {
  for (Chunk& chunk : chunks) {
    const auto found = opened_.find(chunk.at);
    if (found == opened_.end() || found->second.generation != chunk.generation) continue;
    // A sink may close its own partition: what is called must outlive that.
    const auto sink = found->second.sink;
    if (const auto* feed = std::get_if<Sink>(&sink)) {
      if (!chunk.feed.empty()) feed->records(std::move(chunk.feed));
      if (chunk.end) feed->end(*chunk.end);
    } else if (const auto* raw = std::get_if<RawSink>(&sink)) {
      if (!chunk.raw.empty()) raw->records(std::move(chunk.raw));
      if (chunk.end) raw->end(*chunk.end);
    }
  }
}

// Looks at the topics every second and answers questions about their ends.
void KafkaReader::Administer(const std::stop_token& stop) {
  std::unique_ptr<messaging::Admin> admin;
  auto next_look = SystemClock().Now();
  while (!stop.stop_requested()) {
    if (!admin) {
      auto made = messaging::Admin::Make(kafka_);
      OR_CHECK(made.ok(), "settings of Kafka are checked at start");
      admin = *std::move(made);
    }
    std::vector<Question> questions;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, stop, next_look, [&] { return !questions_.empty(); });
      questions.swap(questions_);
    }
    if (stop.stop_requested()) return;
    for (auto& [topic, done, committed] : questions) {
      auto ends = committed ? admin->EndOffsets(topic, kAdminWait)
                            : admin->HighWatermarks(topic, kAdminWait);
      auto known = ends ? *std::move(ends) : std::map<int, std::int64_t>{};
      loop_.Post([done = std::move(done), known = std::move(known)] { done(known); });
    }
    if (SystemClock().Now() < next_look) continue;
    next_look = SystemClock().Now() + kLookAtTopics;
    auto topics = admin->Topics(kAdminWait);
    connected_ = topics.ok();
    if (topics)
      loop_.Post([this, found = *std::move(topics)]() mutable { topics_(std::move(found)); });
  }
}

}  // namespace outrigger::companion
