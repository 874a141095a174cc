// SPDX-License-Identifier: Apache-2.0
// bench_load PORT CONNECTIONS SECONDS STATUS: sends the request on standard input again and again
// over kept-alive connections to 127.0.0.1 and checks that each answer has that status. Prints
// {"requests", "p50_us", "p99_us"}.
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <format>
#include <iostream>
#include <iterator>
#include <vector>

#include "wire.h"

namespace {

using namespace outrigger::bench;
using SteadyClock = std::chrono::steady_clock;

struct Connection {
  int fd = -1;
  std::string got;
  SteadyClock::time_point sent;
};

void Send(Connection& connection, const std::string& request) {
  connection.sent = SteadyClock::now();
  SendAll(connection.fd, request);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) Die("usage: bench_load PORT CONNECTIONS SECONDS STATUS < REQUEST");
  const int port = std::atoi(argv[1]), connections = std::atoi(argv[2]);
  const std::chrono::duration<double> span(std::atof(argv[3]));
  const std::string status = std::format("HTTP/1.1 {}", argv[4]);
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
      const std::size_t length = FindMessage(connection.got).end;
      if (length == 0) continue;
      if (!connection.got.starts_with(status))
        Die(std::format("unexpected answer: {}", connection.got.substr(0, 300)));
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
