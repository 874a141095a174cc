// SPDX-License-Identifier: Apache-2.0
// bench_model [PORT]: a model that answers every row with the score 0.5 and costs next to nothing,
// so that a bench measures who asks it. Without PORT the environment's PORT is taken.
//
// It reads the score requests of a companion and, from the other sides, feed records as they are.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <format>
#include <map>

#include "wire.h"

namespace {

using namespace outrigger::bench;

std::string_view Text(std::string_view body, std::size_t from) {
  return body.substr(from, body.find('"', from) - from);
}

void Row(std::string& out, std::string_view asset, std::string_view times, std::size_t rows) {
  out += out.ends_with('[') ? R"({"assetId":")" : R"(,{"assetId":")";
  out.append(asset).append(R"(","time":[)").append(times).append(R"(],"columns":{"score":[0.5)");
  for (std::size_t i = 1; i < rows; ++i) out += ",0.5";
  out += "]}}";
}

std::string Score(std::string_view body) {
  constexpr std::string_view kAsset = R"("assetId":")", kSubject = R"("subject":")",
                             kTime = R"("time":)";
  std::string out = R"({"outputs":[)";
  if (const auto at = body.find(kSubject); at != std::string_view::npos) {
    const std::size_t time = body.find(kTime) + kTime.size();
    Row(out, Text(body, at + kSubject.size()),
        body.substr(time, body.find_first_of(",}", time) - time), 1);
  }
  for (auto at = body.find(kAsset); at != std::string_view::npos; at = body.find(kAsset, at + 1)) {
    const std::size_t time = body.find(kTime, at) + kTime.size() + 1;
    const std::string_view times = body.substr(time, body.find(']', time) - time);
    Row(out, Text(body, at + kAsset.size()), times,
        1 + static_cast<std::size_t>(std::ranges::count(times, ',')));
  }
  return out + "]}";
}

// False: the peer left.
bool Serve(int fd, std::string& got) {
  char block[65536];
  const ssize_t read = ::recv(fd, block, sizeof block, 0);
  if (read <= 0) return false;
  got.append(block, static_cast<std::size_t>(read));
  for (Message message = FindMessage(got); message.end > 0; message = FindMessage(got)) {
    const std::string answer =
        Score(std::string_view(got).substr(message.body, message.end - message.body));
    SendAll(fd, std::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                            "Content-Length: {}\r\n\r\n{}",
                            answer.size(), answer));
    got.erase(0, message.end);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const char* port = argc > 1 ? argv[1] : std::getenv("PORT");
  if (port == nullptr) Die("usage: bench_model PORT");
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0), one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = Loopback(std::atoi(port));
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 128) != 0)
    Die("cannot listen: is the port taken?");
  const int poll = ::epoll_create1(0);
  epoll_event wish{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wish);
  std::map<int, std::string> peers;
  while (true) {
    epoll_event events[64];
    const int ready = ::epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int peer = ::accept(listener, nullptr, nullptr);
        if (peer < 0) continue;
        NoDelay(peer);
        wish.data.fd = peer;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, peer, &wish);
      } else if (!Serve(fd, peers[fd])) {
        ::close(fd);
        peers.erase(fd);
      }
    }
  }
}
