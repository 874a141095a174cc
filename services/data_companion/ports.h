// SPDX-License-Identifier: Apache-2.0
// Ports of a companion: what it needs of its host, so that it can be driven by fakes.
//
// Threads: the event loop only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data_companion/feed_record.h"
#include "outrigger/messaging/record.h"

namespace outrigger::companion {

// Reads feed partitions. Records of one partition come in order; after Close() none come.
class FeedSource {
 public:
  struct Sink {
    std::function<void(std::vector<FeedRecord>)> records;
    std::function<void(std::int64_t next)> end;  // everything below was delivered
  };
  virtual ~FeedSource() = default;
  // `columns` is shared with the thread that reads.
  virtual void Open(const messaging::TopicPartition& at, std::int64_t from,
                    std::shared_ptr<const std::vector<scoring::InputColumn>> columns,
                    Sink sink) = 0;
  virtual void Close(const messaging::TopicPartition& at) = 0;
  virtual void Pause(const messaging::TopicPartition& at) = 0;
  virtual void Resume(const messaging::TopicPartition& at) = 0;
  // The end of every partition of a topic; `done` gets an empty map when Kafka does not say.
  virtual void Ends(const std::string& topic,
                    std::function<void(std::map<int, std::int64_t>)> done) = 0;
};

}  // namespace outrigger::companion
