// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "outrigger/http/client.h"

namespace outrigger::http {
namespace {

using V6 = std::array<unsigned char, 16>;

enum class Reach { kPublic, kLoopback, kPrivate, kNever };

struct V4Range {
  std::uint32_t network;
  int bits;
  Reach reach;
};

constexpr std::uint32_t Ip(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA IPv4 Special-Purpose Address Registry; what is not here is public. The first match counts.
constexpr V4Range kV4[] = {
    {Ip(0,   0,   0,   0),   8,  Reach::kNever   }, // this network, unspecified
    {Ip(127, 0,   0,   0),   8,  Reach::kLoopback}, //
    {Ip(100, 100, 100, 200), 32, Reach::kNever   }, // metadata of a cloud, inside carrier-grade NAT
    {Ip(10,  0,   0,   0),   8,  Reach::kPrivate }, //
    {Ip(100, 64,  0,   0),   10, Reach::kPrivate }, // carrier-grade NAT
    {Ip(172, 16,  0,   0),   12, Reach::kPrivate }, //
    {Ip(192, 168, 0,   0),   16, Reach::kPrivate }, //
    {Ip(169, 254, 0,   0),   16, Reach::kNever   }, // link-local, metadata of most clouds
    {Ip(168, 63,  129, 16),  32, Reach::kNever   }, // host agent of a cloud
    {Ip(192, 0,   0,   0),   24, Reach::kNever   }, // protocol assignments, metadata of a cloud
    {Ip(192, 0,   2,   0),   24, Reach::kNever   }, // documentation
    {Ip(192, 88,  99,  0),   24, Reach::kNever   }, // 6to4 relays
    {Ip(198, 18,  0,   0),   15, Reach::kNever   }, // benchmarks
    {Ip(198, 51,  100, 0),   24, Reach::kNever   }, // documentation
    {Ip(203, 0,   113, 0),   24, Reach::kNever   }, // documentation
    {Ip(224, 0,   0,   0),   4,  Reach::kNever   }, // multicast
    {Ip(240, 0,   0,   0),   4,  Reach::kNever   }, // reserved, broadcast
};

Reach ReachOf(std::uint32_t v4) {
  for (const V4Range& range : kV4) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - range.bits);
    if ((v4 & mask) == range.network) return range.reach;
  }
  return Reach::kPublic;
}

bool HasPrefix(const V6& address, std::initializer_list<unsigned char> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

std::uint32_t V4At(const V6& a, std::size_t i) { return Ip(a[i], a[i + 1], a[i + 2], a[i + 3]); }

// The IPv4 address that a packet to this IPv6 address would in the end go to.
std::optional<std::uint32_t> EmbeddedV4(const V6& a) {
  const bool zeros8 = HasPrefix(a, {0, 0, 0, 0, 0, 0, 0, 0});
  if (zeros8 && a[8] == 0 && a[9] == 0 && a[10] == 0xFF && a[11] == 0xFF) return V4At(a, 12);
  if (zeros8 && a[8] == 0xFF && a[9] == 0xFF && a[10] == 0 && a[11] == 0)
    return V4At(a, 12);  // translated, RFC 2765
  if (HasPrefix(a, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0})) return V4At(a, 12);  // NAT64
  if (HasPrefix(a, {0x20, 0x02})) return V4At(a, 2);                                    // 6to4
  return std::nullopt;
}

Reach ReachOf(const V6& a) {
  V6 one{};
  one[15] = 1;
  if (a == one) return Reach::kLoopback;
  if (const auto v4 = EmbeddedV4(a)) return ReachOf(*v4);
  if (HasPrefix(a, {0xFD, 0x00, 0x0E, 0xC2})) return Reach::kNever;  // metadata of a cloud
  if ((a[0] & 0xFE) == 0xFC) return Reach::kPrivate;                 // unique-local
  // Global unicast is 2000::/3 alone: link-local, site-local, multicast, unspecified, local NAT64
  // (64:ff9b:1::/48) and all that is unassigned are outside of it.
  if ((a[0] & 0xE0) != 0x20) return Reach::kNever;
  if (HasPrefix(a, {0x20, 0x01, 0x00, 0x00})) return Reach::kNever;  // Teredo: an IPv4 in disguise
  if (HasPrefix(a, {0x20, 0x01, 0x0D, 0xB8})) return Reach::kNever;  // documentation
  if (HasPrefix(a, {0x3F, 0xFF}) && a[2] < 0x10) return Reach::kNever;  // documentation
  // Addresses of ISATAP carry an IPv4 address behind 0:5efe.
  if ((a[8] & 0xFD) == 0 && a[9] == 0 && a[10] == 0x5E && a[11] == 0xFE) return Reach::kNever;
  return Reach::kPublic;
}

}  // namespace

bool EgressAllowed(std::string_view ip, const EgressPolicy& policy) {
  // The zone of a scoped address ("fe80::1%eth0") does not change what it is.
  const std::string text(ip.substr(0, ip.find('%')));
  Reach reach = Reach::kNever;
  in_addr v4{};
  V6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    reach = ReachOf(ntohl(v4.s_addr));
  } else if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) {
    reach = ReachOf(v6);
  }
  switch (reach) {
    case Reach::kPublic:
      return true;
    case Reach::kLoopback:
      return policy.allow_loopback;
    case Reach::kPrivate:
      return policy.allow_private;
    case Reach::kNever:
      return false;
  }
  return false;
}

}  // namespace outrigger::http
