// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "outrigger/base/clock.h"
#include "outrigger/base/json.h"

namespace outrigger {
namespace {

std::string& ServiceName() {
  static std::string name = "outrigger";
  return name;
}

spdlog::logger& Sink() {
  static const auto logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("log", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                 spdlog::level::warn, spdlog::level::err};
constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};

std::string Quoted(std::string_view text) { return Dump(nlohmann::json(text)); }

}  // namespace

Field::Field(std::string_view key_, double number)
    : key(key_), value(Dump(nlohmann::json(number))), quoted(false) {}

void InitLog(std::string_view service, LogLevel lowest) {
  ServiceName() = service;
  Sink().set_level(kLevels[static_cast<std::size_t>(lowest)]);
}

void Log(LogLevel level, std::string_view event, std::initializer_list<Field> fields) {
  const auto at = static_cast<std::size_t>(level);
  if (!Sink().should_log(kLevels[at])) return;
  std::string line = R"({"time":")" + FormatTime(SystemClock().WallMs()) + R"(","level":")";
  line += kNames[at];
  line += R"(","service":)" + Quoted(ServiceName()) + R"(,"event":)" + Quoted(event);
  for (const Field& field : fields)
    line += "," + Quoted(field.key) + ":" + (field.quoted ? Quoted(field.value) : field.value);
  line += "}";
  Sink().log(kLevels[at], "{}", line);
}

}  // namespace outrigger
