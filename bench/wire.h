// SPDX-License-Identifier: Apache-2.0
// HTTP over plain sockets, as little of it as the benches' own sides need, so that what they
// measure is not a client library.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace outrigger::bench {

[[noreturn]] inline void Die(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

inline void NoDelay(int fd) {
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

inline sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline int Connect(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    Die("cannot connect to the port that was named: is that side running?");
  NoDelay(fd);
  return fd;
}

inline void SendAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) Die("cannot send: the other side closed the connection");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// One message with a Content-Length: where its body begins, and where it ends. `end` is 0 while it
// is not whole.
struct Message {
  std::size_t body = 0;
  std::size_t end = 0;
};

inline Message FindMessage(std::string_view text) {
  const auto head = text.find("\r\n\r\n");
  if (head == std::string_view::npos) return {};
  std::size_t length = 0;
  for (std::size_t line = text.find("\r\n"); line < head; line = text.find("\r\n", line + 2)) {
    constexpr std::string_view kName = "content-length:";
    const std::string_view field = text.substr(line + 2, kName.size());
    bool same = field.size() == kName.size();
    for (std::size_t i = 0; same && i < kName.size(); ++i)
      same = (field[i] >= 'A' && field[i] <= 'Z' ? field[i] + 32 : field[i]) == kName[i];
    if (same) length = std::strtoul(text.data() + line + 2 + kName.size(), nullptr, 10);
  }
  return text.size() >= head + 4 + length ? Message{head + 4, head + 4 + length} : Message{};
}

}  // namespace outrigger::bench
