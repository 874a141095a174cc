// SPDX-License-Identifier: Apache-2.0
#include "data_companion/asset_events.h"

#include "outrigger/base/log.h"
#include "outrigger/base/retry.h"

namespace outrigger::companion {
namespace {

constexpr Millis kPatience{60'000};
constexpr Millis kLongestPause{5'000};

}  // namespace

AssetEvents::AssetEvents(const DeploymentSpec& spec, EventLoop& loop, http::Client& client,
                         Clock& clock, std::function<void()> on_done)
    : spec_(spec),
      loop_(loop),
      client_(client),
      clock_(clock),
      on_done_(std::move(on_done)),
      alive_(std::make_shared<int>(0)) {}

void AssetEvents::Member(const std::string& asset, std::optional<std::string> json,
                         std::int64_t revision) {
  revision_ = std::max(revision_, revision);
  if (json)
    members_[asset] = *std::move(json);
  else
    members_.erase(asset);
}

bool AssetEvents::Announced() const { return spec_.asset_events_path.empty() || done_; }

void AssetEvents::Announce(const std::string& endpoint) {
  if (spec_.asset_events_path.empty() || endpoint == endpoint_) return;
  endpoint_ = endpoint;
  done_ = false;
  tries_ = 0;
  ++round_;
  give_up_at_ = clock_.Now() + kPatience;
  if (!endpoint_.empty()) Send();
}

std::string AssetEvents::Body() const {
  std::string body = R"({"revision":)" + std::to_string(revision_) + R"(,"reset":true,"added":[)";
  bool first = true;
  for (const auto& [asset, json] : members_) {
    if (!std::exchange(first, false)) body += ',';
    body += json;  // the control plane's own document
  }
  return body + R"(],"removed":[]})";
}

void AssetEvents::Send() {
  ++tries_;
  http::Call call;
  call.method = "POST";
  call.url = endpoint_ + spec_.asset_events_path;
  call.headers = {
      {"Content-Type", "application/json"}
  };
  call.body = std::make_shared<const std::string>(Body());
  call.deadline = std::min(spec_.score_timeout, Millis(10'000));
  call.max_reply_bytes = 64 << 10;
  client_.Start(std::move(call), [this, round = round_, loop = &loop_,
                                  alive = std::weak_ptr(alive_)](const Result<http::Reply>& reply) {
    const bool heard = reply && reply->status >= 200 && reply->status <= 299;
    loop->Post([this, round, alive, heard] {
      if (alive.expired() || round != round_ || done_) return;
      if (heard || clock_.Now() >= give_up_at_) {
        if (!heard)
          LogWarning("model does not acknowledge its assets; rows flow all the same",
                     {
                         {"deployment", spec_.deployment.str()}
          });
        done_ = true;
        on_done_();
        return;
      }
      const RetrySchedule schedule{.max = kLongestPause};
      loop_.PostAfter(schedule.Delay(tries_ + 1, RandomUnit()), [this, round, alive] {
        if (!alive.expired() && round == round_ && !done_) Send();
      });
    });
  });
}

}  // namespace outrigger::companion
