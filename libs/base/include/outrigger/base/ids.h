// SPDX-License-Identifier: Apache-2.0
// Ids: a type for each kind of name, so that a tenant is never passed where an asset belongs.
#pragma once

#include <compare>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace outrigger {

template <typename Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}
  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend auto operator<=>(const Id&, const Id&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.value_; }

 private:
  std::string value_;
};

using TenantId = Id<struct TenantTag>;  // RFC 1123 label
using ModelName = Id<struct ModelTag>;  // RFC 1123 label, unique in its tenant
using DeploymentId =
    Id<struct DeploymentTag>;  // RFC 1123 label, made anew by each deploy, never reused
using AssetId = Id<struct AssetTag>;
using AssetTypeId = Id<struct AssetTypeTag>;
using OperationId = Id<struct OperationTag>;  // one run of a saga

// A new id of `length` characters of a–z and 0–9, the first a letter, from the system's random
// source.
std::string RandomId(std::size_t length);
// A version 4 UUID.
std::string RandomUuid();

// 1 to 63 of a–z, 0–9 and '-', neither first nor last a '-' (RFC 1123).
bool IsLabel(std::string_view text);
// 1 to 128 of A–Z a–z 0–9 . _ -, beginning with a letter or digit: ids of assets and asset types.
bool IsAssetId(std::string_view text);
// 1 to 128 characters of printable UTF-8 without / + #: names of telemetries.
bool IsTelemetryName(std::string_view text);

}  // namespace outrigger

template <typename Tag>
struct std::hash<outrigger::Id<Tag>> {
  std::size_t operator()(const outrigger::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
