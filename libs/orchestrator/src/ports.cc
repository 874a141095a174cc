// SPDX-License-Identifier: Apache-2.0
#include "ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include "descriptor.h"
#include "outrigger/base/retry.h"

namespace outrigger::orchestrator {
namespace {

constexpr int kFirst = 20'000;  // below lie the well-known ports of other programs
constexpr int kProbes = 200;

// One past the last port below the ephemeral range.
int EphemeralFirst() {
  static const int first = [] {
    std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
    int low = 32'768;
    range >> low;
    return low;
  }();
  return first;
}

// The port that a socket on every address gets, 0: it is taken. 0 asks for any.
int Probe(int port) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, length) != 0 ||
      ::getsockname(socket.get(), generic, &length) != 0)
    return 0;
  return ntohs(address.sin_port);
}

}  // namespace

Result<int> Ports::Take(const std::string& deployment) {
  const std::lock_guard hold(mutex_);
  const int room = EphemeralFirst() - kFirst;
  for (int probe = 0; probe < kProbes; ++probe) {
    const bool narrow = room >= 100 && probe < kProbes / 2;
    const int wanted = narrow ? kFirst + static_cast<int>(RandomUnit() * room) : 0;
    const int port = Probe(wanted);
    if (port != 0 && taken_.try_emplace(port, deployment).second) return port;
  }
  return Error(ErrorCode::kResourceExhausted, "no free port was found");
}

void Ports::Keep(const std::string& deployment, int port) {
  const std::lock_guard hold(mutex_);
  taken_.try_emplace(port, deployment);
}

void Ports::Release(const std::string& deployment) {
  const std::lock_guard hold(mutex_);
  std::erase_if(taken_, [&](const auto& entry) { return entry.second == deployment; });
}

}  // namespace outrigger::orchestrator
