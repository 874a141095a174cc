// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/stop.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace outrigger {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void BlockStopSignals() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForStopSignal(Millis limit, int late_exit) {
  const sigset_t set = StopSignals();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  std::thread([limit, late_exit] {
    std::this_thread::sleep_for(limit);
    _exit(late_exit);
  }).detach();
  return signal;
}

}  // namespace outrigger
