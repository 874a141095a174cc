// SPDX-License-Identifier: Apache-2.0
// EventStream: a client of server-sent events that reads when it is told, so that tests can be
// quick, slow and gone.
//
// Threads: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "outrigger/base/clock.h"
#include "raw_peer.h"

namespace outrigger::testing {

class EventStream {
 public:
  using Event = std::map<std::string, std::string>;  // field → value; a comment is the field ""

  // Sends the request; it is answered when head() is read.
  EventStream(const std::string& url, const std::string& path, const std::string& token,
              const std::string& last_id = "", int receive_bytes = 0)
      : peer_(std::make_unique<http::RawPeer>(
            static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))), receive_bytes)) {
    // HTTP/1.0 has no chunks.
    peer_->Send("GET " + path + " HTTP/1.0\r\nAuthorization: Bearer " + token +
                (last_id.empty() ? "" : "\r\nLast-Event-ID: " + last_id) + "\r\n\r\n");
  }

  const std::string& head() {
    if (head_.empty()) head_ = peer_->ReadUntil("\r\n\r\n", Millis{10'000});
    return head_;
  }

  // The next event or comment; nullopt: none in time, or the stream is over.
  std::optional<Event> NextOfAny(Millis within) {
    head();
    buffer_ += peer_->ReadUntil("\n\n", within);
    if (!buffer_.ends_with("\n\n")) return std::nullopt;
    Event event;
    for (std::size_t at = 0; buffer_[at] != '\n';) {
      const std::size_t end = buffer_.find('\n', at);
      const std::string line = buffer_.substr(at, end - at);
      const std::size_t colon = line.find(':');
      event[line.substr(0, colon)] = line.substr(std::min(colon + 2, line.size()));
      at = end + 1;
    }
    buffer_.clear();
    if (event.contains("id")) last_id_ = event["id"];
    return event;
  }

  // The same without comments.
  std::optional<Event> Next(Millis within = Millis{10'000}) {
    const SteadyTime until = SystemClock().Now() + within;
    for (Millis left = within; left > Millis{0};
         left = std::chrono::duration_cast<Millis>(until - SystemClock().Now())) {
      auto event = NextOfAny(left);
      if (!event || event->contains("data")) return event;
    }
    return std::nullopt;
  }

  // Reads what is left. Whether the other side closed in time.
  bool Ends(Millis within) {
    peer_->ReadToEnd(within);
    return peer_->closed();
  }

  const std::string& last_id() const { return last_id_; }

 private:
  std::unique_ptr<http::RawPeer> peer_;
  std::string head_, buffer_, last_id_;
};

}  // namespace outrigger::testing
