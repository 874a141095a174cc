// SPDX-License-Identifier: Apache-2.0
#include "outrigger/messaging/trace.h"

#include <gmock/gmock.h>

namespace outrigger::messaging {
namespace {

const std::string kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string Changed(std::size_t at, const std::string& text) {
  return std::string(kTrace).replace(at, text.size(), text);
}

TEST(TraceContextTest, ComesBackAsItWasWritten) {
  EXPECT_EQ(TraceContext::Read(kTrace).Text(), kTrace);
  EXPECT_EQ(TraceContext::Read(Changed(53, "00")).Text(), Changed(53, "00"));
  EXPECT_EQ(TraceIdOf(kTrace), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(TraceIdOf(Headers{
                {"traceparent", kTrace}
  }),
            TraceIdOf(kTrace));
}

TEST(TraceContextTest, ALaterVersionIsReadAsFarAsItIsLikeThisOne) {
  EXPECT_EQ(TraceContext::Read(Changed(0, "01")).Text(), kTrace);
  EXPECT_EQ(TraceContext::Read(Changed(0, "cc") + "-what-comes-later").Text(), kTrace);
  EXPECT_EQ(TraceContext::Read(Changed(53, "ff")).Text(), kTrace) << "flags nobody knows are left";
}

TEST(TraceContextTest, WhatIsNoTraceParentIsNoTrace) {
  for (const std::string& none :
       {std::string(), kTrace.substr(1), kTrace + "-", kTrace + "-more", Changed(0, "ff"),
        Changed(0, "cc") + "more", Changed(3, "A"), Changed(3, "g"), Changed(20, "-"),
        Changed(35, "0"), Changed(53, "0x"), Changed(3, std::string(32, '0')),
        Changed(36, std::string(16, '0')), std::string(1 << 20, '0')}) {
    EXPECT_FALSE(TraceContext::Read(none)) << none.substr(0, 80);
    EXPECT_FALSE(IsTraceParent(none)) << none.substr(0, 80);
    EXPECT_EQ(TraceIdOf(none), "");
  }
}

TEST(TraceContextTest, AChildIsOfTheSameTraceWithASpanOfItsOwn) {
  const auto parent = TraceContext::Read(Changed(53, "00"));
  const auto child = parent.Child();

  EXPECT_TRUE(child.SameTrace(parent));
  EXPECT_NE(child.span, parent.span);
  EXPECT_FALSE(child.sampled);
}

TEST(TraceContextTest, WithoutATraceANewOneBegins) {
  const auto first = TraceContext{}.Child(), second = TraceContext{}.Child();

  EXPECT_TRUE(IsTraceParent(first.Text()));
  EXPECT_FALSE(first.SameTrace(second));
  EXPECT_TRUE(IsTraceParent(TraceContext{}.Text()));
}

}  // namespace
}  // namespace outrigger::messaging
