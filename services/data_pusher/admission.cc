// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/admission.h"

namespace outrigger::data_pusher {

Admission::Admission(const Limits& limits, Gauge& inside) : limits_(limits), gauge_(inside) {}

std::expected<Admission::Ticket, Admission::Full> Admission::Enter(const std::string& tenant) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->by_tenant.find(tenant);
  if (found != state_->by_tenant.end() && found->second >= limits_.tenant) {
    return std::unexpected(Full::kTenant);
  }
  if (state_->all >= limits_.all) return std::unexpected(Full::kAll);
  ++state_->by_tenant[tenant];
  gauge_.Set(static_cast<double>(++state_->all));
  return Ticket(nullptr, [state = state_, &gauge = gauge_, tenant](void*) {
    const std::lock_guard inner(state->mutex);
    const auto at = state->by_tenant.find(tenant);
    if (--at->second == 0) state->by_tenant.erase(at);
    gauge.Set(static_cast<double>(--state->all));
  });
}

std::size_t Admission::inside() const {
  const std::lock_guard lock(state_->mutex);
  return state_->all;
}

}  // namespace outrigger::data_pusher
