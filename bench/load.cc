// SPDX-License-Identifier: Apache-2.0
// bench_load PORT CONNECTIONS SECONDS STATUS: sends the request on standard input again and again
// over kept-alive connections to 127.0.0.1 and checks that each answer has that status. Prints
// {"requests", "p50_us", "p99_us"}.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench_load: %s\n", why.c_str());
  std::exit(1);
}

struct Connection {
  int fd = -1;
  std::string got;
  SteadyClock::time_point sent;
};

int Connect(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    Die("cannot connect");
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

void Send(Connection& connection, const std::string& request) {
  connection.sent = SteadyClock::now();
  if (::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    Die("cannot send");
}

// Length of the first whole answer in `text`, 0 when it is not there yet.
std::size_t AnswerLength(const std::string& text) {
  const auto head = text.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  std::string lower = text.substr(0, head);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto length = lower.find("content-length:");
  const std::size_t body =
      length == std::string::npos ? 0 : std::strtoul(lower.c_str() + length + 15, nullptr, 10);
  return text.size() >= head + 4 + body ? head + 4 + body : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) Die("usage: bench_load PORT CONNECTIONS SECONDS STATUS < REQUEST");
  const int port = std::atoi(argv[1]), connections = std::atoi(argv[2]);
  const std::chrono::duration<double> span(std::atof(argv[3]));
  const std::string status = std::string("HTTP/1.1 ") + argv[4];
  const std::string request{std::istreambuf_iterator<char>(std::cin), {}};
  const int poll = ::epoll_create1(0);
  std::vector<Connection> all(static_cast<std::size_t>(connections));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].fd = Connect(port);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
    Send(all[i], request);
  }
  std::vector<double> took;
  const auto end = SteadyClock::now() + span;
  while (SteadyClock::now() < end) {
    epoll_event events[64];
    const int ready = ::epoll_wait(poll, events, 64, 5000);
    if (ready <= 0) Die("no answer within 5 s");
    for (int i = 0; i < ready; ++i) {
      Connection& connection = all[events[i].data.u64];
      char block[16384];
      const ssize_t read = ::recv(connection.fd, block, sizeof block, 0);
      if (read <= 0) Die("the connection was closed");
      connection.got.append(block, static_cast<std::size_t>(read));
      const std::size_t length = AnswerLength(connection.got);
      if (length == 0) continue;
      if (!connection.got.starts_with(status))
        Die("unexpected answer: " + connection.got.substr(0, 300));
      connection.got.erase(0, length);
      took.push_back(
          std::chrono::duration<double, std::micro>(SteadyClock::now() - connection.sent).count());
      Send(connection, request);
    }
  }
  std::ranges::sort(took);
  if (took.empty()) Die("no answer at all");
  std::printf("{\"requests\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", took.size(),
              took[took.size() / 2], took[took.size() * 99 / 100]);
}
