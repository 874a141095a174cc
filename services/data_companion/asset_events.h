// SPDX-License-Identifier: Apache-2.0
// AssetEvents: tells a model which assets it serves before it gets their first rows.
//
// Everything is sent as added, with "reset", to each endpoint anew. A model that does not
// acknowledge within a minute gets its rows all the same.
//
// Threads:  the event loop only.
// See also: contracts, "Membership"
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "data_companion/deployment_spec.h"
#include "data_companion/event_loop.h"
#include "outrigger/http/client.h"

namespace outrigger::companion {

class AssetEvents {
 public:
  // `on_done` runs on the loop when rows may flow.
  AssetEvents(const DeploymentSpec& spec, EventLoop& loop, http::Client& client, Clock& clock,
              std::function<void()> on_done);

  // `json` is the value of D/member/ASSET; nullopt: the asset left.
  void Member(const std::string& asset, std::optional<std::string> json, std::int64_t revision);
  // Announces to this endpoint, unless that is done or under way.
  void Announce(const std::string& endpoint);
  // Whether rows may flow to the endpoint that was announced to last.
  bool Announced() const;

 private:
  void Send();
  std::string Body() const;

  const DeploymentSpec& spec_;
  EventLoop& loop_;
  http::Client& client_;
  Clock& clock_;
  const std::function<void()> on_done_;
  std::shared_ptr<int> alive_;  // shared with tasks: they see that this is gone

  std::map<std::string, std::string> members_;
  std::int64_t revision_ = 0;
  std::string endpoint_;
  std::uint64_t round_ = 0;  // names an endpoint's announcement
  int tries_ = 0;
  SteadyTime give_up_at_{};
  bool done_ = false;
};

}  // namespace outrigger::companion
