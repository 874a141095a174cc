// SPDX-License-Identifier: Apache-2.0
#include "outrigger/http/client.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "outrigger/base/log.h"
#include "transfer.h"

namespace outrigger::http {
namespace {

constexpr std::size_t kPooledHandles = 256;
constexpr Millis kLongestWait{1'000};

void InitCurlOnce() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  OR_CHECK(done, "libcurl does not initialise");
}

}  // namespace

std::string_view Reply::Header(std::string_view lower_name) const {
  const auto at = std::ranges::find(headers, lower_name, &HeaderList::value_type::first);
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

// libcurl's socket interface on epoll: a wake-up costs what is ready, not what is open.
struct Client::State {
  explicit State(const Options& options_) : options(options_) {
    InitCurlOnce();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    OR_CHECK(epoll >= 0 && wake >= 0, "epoll and eventfd are there");
    epoll_event event{.events = EPOLLIN, .data = {.fd = wake}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::OnSocket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::OnTimer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_connections));
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      static_cast<long>(options.max_connections));
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(options.max_connections_per_host));
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    thread = std::thread([this] { Run(); });
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopped = true;
    }
    Wake();
    thread.join();
    curl_multi_cleanup(multi);
    for (CURL* easy : pool) curl_easy_cleanup(easy);
    close(wake);
    close(epoll);
  }

  void Push(Call call, std::function<void(Result<Reply>)> done) {
    const SteadyTime deadline = SystemClock().Now() + call.deadline;
    bool accepted = true;
    {
      const std::lock_guard lock(mutex);
      accepted = count < options.max_calls;
      if (accepted) {
        ++count;
        queue.push_back({std::move(call), std::move(done), deadline});
      } else {
        refused.push_back(std::move(done));
      }
    }
    if (std::this_thread::get_id() != thread.get_id()) Wake();
  }

  void Wake() const {
    const std::uint64_t one = 1;
    // A full counter means that the loop is awake already.
    [[maybe_unused]] const auto written = write(wake, &one, sizeof one);
  }

  void Run();
  bool TakeQueue();
  void Begin(PendingCall pending);
  void Perform(curl_socket_t socket, int what);
  void Collect();
  void Expire();
  void End(Transfer* transfer, Result<Reply> result);
  void CancelAll();
  int WaitMillis() const;
  static int OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*);
  static int OnTimer(CURLM*, long after_ms, void* self);

  const Options options;
  int epoll = -1;
  int wake = -1;
  CURLM* multi = nullptr;
  std::optional<SteadyTime> timer;  // libcurl's
  std::vector<CURL*> pool;
  std::unordered_map<Transfer*, std::unique_ptr<Transfer>> running;
  // libcurl's own time-out does not cover a call that waits for a free connection.
  std::multimap<SteadyTime, Transfer*> deadlines;

  std::mutex mutex;
  std::vector<PendingCall> queue;
  std::vector<std::function<void(Result<Reply>)>> refused;
  std::size_t count = 0;  // queued and running
  bool stopped = false;
  std::thread thread;
};

int Client::State::OnSocket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  const int epoll = static_cast<State*>(self)->epoll;
  epoll_event event{.events = 0, .data = {.fd = socket}};
  if (what == CURL_POLL_REMOVE) return epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event), 0;
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0)
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  return 0;
}

int Client::State::OnTimer(CURLM*, long after_ms, void* self) {
  auto& state = *static_cast<State*>(self);
  state.timer.reset();
  if (after_ms >= 0) state.timer = SystemClock().Now() + Millis(after_ms);
  return 0;
}

int Client::State::WaitMillis() const {
  SteadyTime until = SystemClock().Now() + kLongestWait;
  if (timer) until = std::min(until, *timer);
  if (!deadlines.empty()) until = std::min(until, deadlines.begin()->first);
  const auto left = std::chrono::ceil<Millis>(until - SystemClock().Now()).count();
  return static_cast<int>(std::max<std::int64_t>(0, left));
}

void Client::State::Run() {
  std::array<epoll_event, 256> events{};
  while (TakeQueue()) {
    const int ready = epoll_wait(epoll, events.data(), events.size(), WaitMillis());
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == wake) {
        std::uint64_t ignored = 0;
        [[maybe_unused]] const auto got = read(wake, &ignored, sizeof ignored);
        continue;
      }
      int what = 0;
      if (event.events & EPOLLIN) what |= CURL_CSELECT_IN;
      if (event.events & EPOLLOUT) what |= CURL_CSELECT_OUT;
      if (event.events & (EPOLLERR | EPOLLHUP)) what |= CURL_CSELECT_ERR;
      Perform(event.data.fd, what);
    }
    if (timer && *timer <= SystemClock().Now()) {
      timer.reset();
      Perform(CURL_SOCKET_TIMEOUT, 0);
    }
    Collect();
    Expire();
  }
  CancelAll();
}

void Client::State::Perform(curl_socket_t socket, int what) {
  int still_running = 0;
  const CURLMcode code = curl_multi_socket_action(multi, socket, what, &still_running);
  if (code != CURLM_OK)
    LogError("libcurl", {
                            {"cause", curl_multi_strerror(code)}
    });
}

// False when the client is to stop.
bool Client::State::TakeQueue() {
  std::vector<PendingCall> taken;
  std::vector<std::function<void(Result<Reply>)>> too_many;
  do {
    taken.clear();
    too_many.clear();
    {
      const std::lock_guard lock(mutex);
      if (stopped) return false;
      taken.swap(queue);
      too_many.swap(refused);
    }
    for (PendingCall& pending : taken) Begin(std::move(pending));
    for (const auto& done : too_many)
      done(Error(ErrorCode::kResourceExhausted, "too many calls are in flight"));
  } while (!taken.empty() || !too_many.empty());  // a callback may have started another call
  return true;
}

void Client::State::Begin(PendingCall pending) {
  CURL* easy = nullptr;
  if (pool.empty()) {
    easy = curl_easy_init();
  } else {
    easy = pool.back();
    pool.pop_back();
  }
  auto transfer = std::make_unique<Transfer>(std::move(pending), options.egress);
  Transfer* const key = transfer.get();
  running.emplace(key, std::move(transfer));
  deadlines.emplace(key->deadline(), key);
  Result<> prepared =
      easy ? key->Prepare(easy) : Result<>(Error(ErrorCode::kResourceExhausted, "out of memory"));
  if (prepared.ok() && curl_multi_add_handle(multi, easy) != CURLM_OK)
    prepared = Error(ErrorCode::kResourceExhausted, "libcurl takes no more calls");
  if (!prepared.ok()) End(key, prepared.error());
}

void Client::State::Collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    End(transfer, transfer->Outcome(code));
  }
}

void Client::State::Expire() {
  const SteadyTime now = SystemClock().Now();
  while (!deadlines.empty() && deadlines.begin()->first <= now)
    End(deadlines.begin()->second, Error(ErrorCode::kTimeout, "no reply within the deadline"));
}

void Client::State::End(Transfer* transfer, Result<Reply> result) {
  const auto node = running.extract(transfer);
  const auto [first, last] = deadlines.equal_range(transfer->deadline());
  deadlines.erase(std::find_if(first, last, [&](const auto& at) { return at.second == transfer; }));
  if (CURL* easy = transfer->easy()) {
    curl_multi_remove_handle(multi, easy);
    curl_easy_reset(easy);
    if (pool.size() < kPooledHandles) {
      pool.push_back(easy);
    } else {
      curl_easy_cleanup(easy);
    }
  }
  {
    const std::lock_guard lock(mutex);
    --count;
  }
  transfer->Finish(std::move(result));
}

void Client::State::CancelAll() {
  const Error cancelled(ErrorCode::kCancelled, "the client was destroyed");
  while (!running.empty()) End(running.begin()->first, cancelled);
  // Callbacks may start calls even now; what they start is cancelled like the rest.
  while (true) {
    std::vector<PendingCall> waiting;
    std::vector<std::function<void(Result<Reply>)>> too_many;
    {
      const std::lock_guard lock(mutex);
      waiting.swap(queue);
      too_many.swap(refused);
      if (waiting.empty() && too_many.empty()) return;
      count -= waiting.size();
    }
    for (const PendingCall& pending : waiting) pending.done(cancelled);
    for (const auto& done : too_many) done(cancelled);
  }
}

Client::Client(Options options) : state_(std::make_unique<State>(options)) {}
Client::~Client() = default;

void Client::Start(Call call, std::function<void(Result<Reply>)> done) {
  state_->Push(std::move(call), std::move(done));
}

Result<Reply> Client::Do(Call call) {
  std::promise<Result<Reply>> promise;
  auto reply = promise.get_future();
  Start(std::move(call),
        [&promise](Result<Reply> result) { promise.set_value(std::move(result)); });
  return reply.get();
}

}  // namespace outrigger::http
