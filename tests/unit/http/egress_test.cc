// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "outrigger/http/client.h"

namespace outrigger::http {
namespace {

constexpr EgressPolicy kStrict{}, kLoopback{.allow_loopback = true, .allow_private = false},
    kPrivate{.allow_loopback = false, .allow_private = true},
    kBoth{.allow_loopback = true, .allow_private = true};

TEST(EgressTest, LetsPublicAddressesThrough) {
  for (const char* ip :
       {"93.184.216.34", "1.1.1.1", "172.32.0.1", "11.0.0.1", "223.255.255.255", "2606:4700::1111",
        "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(EgressAllowed(ip, kStrict)) << ip;
}

TEST(EgressTest, ForbidsLoopbackUnlessAllowed) {
  for (const char* ip : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1",
                         "64:ff9b::7f00:1", "2002:7f00:1::1"}) {
    EXPECT_FALSE(EgressAllowed(ip, kStrict)) << ip;
    EXPECT_FALSE(EgressAllowed(ip, kPrivate)) << ip;
    EXPECT_TRUE(EgressAllowed(ip, kLoopback)) << ip;
  }
}

TEST(EgressTest, ForbidsPrivateAddressesUnlessAllowed) {
  for (const char* ip :
       {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
        "fc00::1", "fd12:3456::1", "::ffff:10.0.0.1", "64:ff9b::c0a8:101", "2002:a00:1::"}) {
    EXPECT_FALSE(EgressAllowed(ip, kStrict)) << ip;
    EXPECT_FALSE(EgressAllowed(ip, kLoopback)) << ip;
    EXPECT_TRUE(EgressAllowed(ip, kPrivate)) << ip;
  }
}

TEST(EgressTest, NeverReachesMetadataLinkLocalMulticastOrUnspecified) {
  for (const char* ip : {"169.254.169.254",
                         "169.254.0.1",
                         "100.100.100.200",
                         "168.63.129.16",
                         "192.0.0.192",
                         "0.0.0.0",
                         "0.1.2.3",
                         "224.0.0.1",
                         "239.255.255.255",
                         "240.0.0.1",
                         "255.255.255.255",
                         "::",
                         "fe80::1",
                         "fe80::1%eth0",
                         "fec0::1",
                         "ff02::1",
                         "fd00:ec2::254",
                         "::ffff:169.254.169.254",
                         "64:ff9b::a9fe:a9fe",
                         "2002:a9fe:a9fe::1",
                         "64:ff9b:1::a9fe:a9fe",
                         "::ffff:0:169.254.169.254",
                         "::169.254.169.254",
                         "::7f00:1",
                         "2001:0:4136:e378::",
                         "2001:db8::1",
                         "2606::5efe:a9fe:a9fe"})
    EXPECT_FALSE(EgressAllowed(ip, kBoth)) << ip;
}

TEST(EgressTest, RefusesWhatIsNoAddress) {
  for (const char* ip : {"", "localhost", "127.1", "0x7f.1", "1.2.3.4.5", "2130706433", ":::1"})
    EXPECT_FALSE(EgressAllowed(ip, kBoth)) << ip;
}

}  // namespace
}  // namespace outrigger::http
