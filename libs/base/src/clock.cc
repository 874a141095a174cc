// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/clock.h"

#include <charconv>
#include <cstdio>
#include <thread>

namespace outrigger {
namespace {

class ComputerClock final : public Clock {
 public:
  std::int64_t WallMs() const override {
    return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  SteadyTime Now() const override { return std::chrono::steady_clock::now(); }
};

bool Digits(std::string_view text, std::size_t at, std::size_t count, int& value) {
  if (at + count > text.size()) return false;
  value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return true;
}

}  // namespace

Clock& SystemClock() {
  static ComputerClock clock;
  return clock;
}

void SleepFor(Millis time) { std::this_thread::sleep_for(time); }

std::string FormatTime(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_time<Millis> time{Millis{unix_ms}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  char text[48];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

Result<std::int64_t> ParseTime(std::string_view text) {
  using namespace std::chrono;
  const Error bad(ErrorCode::kInvalidArgument,
                  "not an RFC 3339 time: " + std::string(text.substr(0, 64)),
                  "like 2026-11-21T10:00:00.000Z");
  int y, mo, d, h, mi, s, ms = 0;
  if (text.size() < 20 || !Digits(text, 0, 4, y) || text[4] != '-' || !Digits(text, 5, 2, mo) ||
      text[7] != '-' || !Digits(text, 8, 2, d) ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || !Digits(text, 11, 2, h) ||
      text[13] != ':' || !Digits(text, 14, 2, mi) || text[16] != ':' || !Digits(text, 17, 2, s)) {
    return bad;
  }
  std::size_t at = 19;
  if (text[at] == '.') {
    int place = 100;
    const std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, place /= 10)
      ms += (text[at] - '0') * place;
    if (at == first || at - first > 9) return bad;
  }
  int offset = 0;
  const std::string_view zone = text.substr(at);
  if (zone != "Z" && zone != "z") {
    int zh, zm;
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || !Digits(zone, 1, 2, zh) ||
        zone[3] != ':' || !Digits(zone, 4, 2, zm) || zh > 23 || zm > 59)
      return bad;
    offset = (zh * 60 + zm) * (zone[0] == '-' ? -1 : 1);
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)},
                            day{static_cast<unsigned>(d)}};
  if (!date.ok() || y < 1970 || h > 23 || mi > 59 || s > 60) return bad;
  const auto time = sys_days{date} + hours{h} + minutes{mi - offset} + seconds{s} + Millis{ms};
  return duration_cast<Millis>(time.time_since_epoch()).count();
}

}  // namespace outrigger
