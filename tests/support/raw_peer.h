// SPDX-License-Identifier: Apache-2.0
// RawPeer: a TCP client that sends exactly the bytes it is told, so that tests can say what no HTTP
// library would.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "outrigger/base/clock.h"

namespace outrigger::http {

class RawPeer {
 public:
  // `receive_bytes`: of the kernel's buffer, for a peer that shall be slow soon; 0: as it is.
  explicit RawPeer(std::uint16_t port, int receive_bytes = 0)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_bytes > 0) {
      setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawPeer() { close(socket_); }
  RawPeer(const RawPeer&) = delete;

  bool connected() const { return connected_; }

  // False when the other side refuses to take all of it within 5 s.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd ready{socket_, POLLOUT, 0};
      if (poll(&ready, 1, 5'000) != 1) return false;
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void CloseWriting() { shutdown(socket_, SHUT_WR); }

  // Reads until `text` came, the other side closed, or the time is over.
  std::string ReadUntil(std::string_view text, Millis within = Millis{5'000}) {
    const SteadyTime end = SystemClock().Now() + within;
    std::size_t found = received_.find(text);
    while (found == std::string::npos && Receive(end)) found = received_.find(text);
    const std::size_t size = found == std::string::npos ? received_.size() : found + text.size();
    std::string out = received_.substr(0, size);
    received_.erase(0, size);
    return out;
  }

  // Everything until the other side closed. closed() says whether it did in time.
  std::string ReadToEnd(Millis within = Millis{5'000}) {
    const SteadyTime end = SystemClock().Now() + within;
    while (Receive(end)) {
    }
    return std::exchange(received_, {});
  }
  bool closed() const { return closed_; }

 private:
  bool Receive(SteadyTime end) {
    const auto left = std::chrono::duration_cast<Millis>(end - SystemClock().Now()).count();
    pollfd ready{socket_, POLLIN, 0};
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) != 1) return false;
    char buffer[65536];
    const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) return closed_ = true, false;
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool closed_ = false;
  std::string received_;
};

}  // namespace outrigger::http
