// SPDX-License-Identifier: Apache-2.0
#include "outrigger/base/config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "outrigger/base/json.h"
#include "outrigger/base/log.h"
#include "outrigger/base/text.h"

namespace outrigger {
namespace {

constexpr char kMask[] = "********";

std::string EnvironmentName(std::string_view service, std::string_view key) {
  std::string name = "OUTRIGGER_" + std::string(service) + "_" + std::string(key);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

std::string FlagName(std::string_view key) {
  std::string flag = "--" + std::string(key);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string_view KindName(SettingKind kind) {
  constexpr std::string_view kNames[] = {"text",         "whole number",
                                         "number",       "true or false",
                                         "milliseconds", "path of a file with a secret"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<> CheckValue(const Setting& setting, const std::string& value) {
  const auto bad = [&](const std::string& why) {
    return Error(ErrorCode::kInvalidArgument,
                 "setting " + std::string(setting.key) + ": \"" + value + "\" " + why,
                 "set " + FlagName(setting.key) + " to a " + std::string(KindName(setting.kind)));
  };
  double number = 0;
  const char* end = value.data() + value.size();
  switch (setting.kind) {
    case SettingKind::kText:
    case SettingKind::kSecretFile:
      return {};
    case SettingKind::kBoolean:
      if (value != "true" && value != "false") return bad("is neither true nor false");
      return {};
    case SettingKind::kInteger:
    case SettingKind::kMillis: {
      std::int64_t whole = 0;
      if (const auto [at, error] = std::from_chars(value.data(), end, whole);
          error != std::errc() || at != end)
        return bad("is no whole number");
      number = static_cast<double>(whole);
      break;
    }
    case SettingKind::kNumber:
      if (const auto [at, error] = std::from_chars(value.data(), end, number);
          error != std::errc() || at != end || !std::isfinite(number))
        return bad("is no number");
      break;
  }
  if (setting.min < setting.max && (number < setting.min || number > setting.max)) {
    return bad("is not between " + NumberText(setting.min) + " and " + NumberText(setting.max));
  }
  return {};
}

// scheme://user:password@host as scheme://user:********@host, and "password=…" of a query or of a
// connection string as "password=********".
std::string WithoutPassword(std::string value) {
  constexpr std::string_view kKey = "password=";
  for (std::size_t at = value.find(kKey); at != std::string::npos;) {
    const auto begin = at + kKey.size();
    const bool quoted = value[begin] == '\'';
    const auto end = quoted ? value.find('\'', begin + 1) : value.find_first_of("& ", begin);
    value.replace(begin, (end == std::string::npos ? value.size() : end + quoted) - begin, kMask);
    at = value.find(kKey, begin);
  }
  const auto scheme = value.find("://");
  if (scheme == std::string::npos) return value;
  const auto at = value.rfind('@');
  const auto colon = value.find(':', scheme + 3);
  if (at == std::string::npos || colon == std::string::npos || colon > at) return value;
  return value.substr(0, colon + 1) + kMask + value.substr(at);
}

const Setting* Find(std::span<const Setting> table, std::string_view key) {
  const auto found = std::ranges::find(table, key, &Setting::key);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

class ConfigLoader {
 public:
  ConfigLoader(std::string_view service, std::span<const Setting> table)
      : service_(service), table_(table) {
    for (const Setting& setting : table)
      config_.values_.emplace(setting.key, setting.default_value);
  }

  Result<Config> Load(std::span<const std::string> arguments, const char* const* environment) {
    std::vector<std::pair<std::string, std::string>> given;
    std::string file;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      std::string key = arguments[i];
      if (!key.starts_with("--"))
        return Error(ErrorCode::kInvalidArgument, "unexpected argument " + key,
                     "settings are --key VALUE");
      std::string value;
      if (const auto equals = key.find('='); equals != std::string::npos) {
        value = key.substr(equals + 1);
        key.resize(equals);
      } else if (i + 1 < arguments.size()) {
        value = arguments[++i];
      } else {
        return Error(ErrorCode::kInvalidArgument, key + " has no value",
                     "settings are --key VALUE");
      }
      key.erase(0, 2);
      std::ranges::replace(key, '-', '_');
      if (key == "config")
        file = value;
      else
        given.emplace_back(key, value);
    }
    if (!file.empty()) OR_RETURN_IF_ERROR(TakeFile(file));
    OR_RETURN_IF_ERROR(TakeEnvironment(environment));
    for (auto& [key, value] : given) OR_RETURN_IF_ERROR(Take(key, value, FlagName(key)));
    OR_RETURN_IF_ERROR(Finish());
    return std::move(config_);
  }

 private:
  Result<> Take(const std::string& key, const std::string& value, const std::string& shown) {
    if (!Find(table_, key)) {
      std::vector<std::string_view> known;
      for (const Setting& setting : table_) known.push_back(setting.key);
      const auto nearest = Nearest(key, known);
      return Error(
          ErrorCode::kInvalidArgument, "unknown setting " + shown,
          nearest ? "did you mean " + FlagName(*nearest) + "?" : "--help lists the settings");
    }
    config_.values_.insert_or_assign(key, value);
    return {};
  }

  Result<> TakeFile(const std::string& path) {
    OR_ASSIGN(const std::string content, ReadFile(path));
    for (const std::string_view line : Split(content, '\n')) {
      if (line.empty() || line.front() == '#') continue;
      const auto equals = line.find('=');
      if (equals == std::string_view::npos)
        return Error(ErrorCode::kInvalidArgument,
                     path + ": \"" + std::string(line) + "\" is not key=value");
      const std::string key(line.substr(0, equals));
      OR_RETURN_IF_ERROR(Take(key, std::string(line.substr(equals + 1)), key));
    }
    return {};
  }

  Result<> TakeEnvironment(const char* const* environment) {
    const std::string prefix = EnvironmentName(service_, "");
    for (; environment && *environment; ++environment) {
      const std::string_view entry(*environment);
      if (!entry.starts_with(prefix)) continue;
      const auto equals = entry.find('=');
      std::string key(entry.substr(prefix.size(), equals - prefix.size()));
      std::ranges::transform(key, key.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      OR_RETURN_IF_ERROR(
          Take(key, std::string(entry.substr(equals + 1)), std::string(entry.substr(0, equals))));
    }
    return {};
  }

  Result<> Finish() {
    for (const Setting& setting : table_) {
      std::string& value = config_.values_.find(setting.key)->second;
      if (setting.required && value.empty()) {
        return Error(ErrorCode::kInvalidArgument,
                     "setting " + std::string(setting.key) + " is missing",
                     "set " + FlagName(setting.key) + " or " +
                         EnvironmentName(service_, setting.key) + ": " + std::string(setting.help));
      }
      if (value.empty() &&
          (setting.kind == SettingKind::kText || setting.kind == SettingKind::kSecretFile))
        continue;
      OR_RETURN_IF_ERROR(CheckValue(setting, value));
      if (setting.kind != SettingKind::kSecretFile) continue;
      auto secret = ReadFile(value);
      if (!secret) return secret.error().Within("setting " + std::string(setting.key));
      while (!secret->empty() && (secret->back() == '\n' || secret->back() == '\r'))
        secret->pop_back();
      config_.secrets_.emplace(setting.key, std::move(*secret));
    }
    return {};
  }

  std::string_view service_;
  std::span<const Setting> table_;
  Config config_;
};

const std::string& Config::Text(std::string_view key) const {
  const auto found = values_.find(key);
  OR_CHECK(found != values_.end(), "the setting is in the table");
  return found->second;
}
std::int64_t Config::Integer(std::string_view key) const {
  return std::strtoll(Text(key).c_str(), nullptr, 10);
}
double Config::Number(std::string_view key) const {
  return std::strtod(Text(key).c_str(), nullptr);
}
bool Config::Boolean(std::string_view key) const { return Text(key) == "true"; }
std::chrono::milliseconds Config::Duration(std::string_view key) const {
  return std::chrono::milliseconds{Integer(key)};
}
const std::string& Config::Secret(std::string_view key) const {
  static const std::string none;
  const auto found = secrets_.find(key);
  return found == secrets_.end() ? none : found->second;
}

std::string Config::Print() const {
  std::string out;
  for (const auto& [key, value] : values_) out += key + "=" + WithoutPassword(value) + "\n";
  return out;
}

Result<Config> LoadConfig(std::string_view service, std::span<const Setting> table, int argc,
                          const char* const* argv, const char* const* environment) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  return ConfigLoader(service, table).Load(arguments, environment);
}

Config LoadConfigOrExit(std::string_view service, std::string_view purpose,
                        std::span<const Setting> table, int argc, const char* const* argv) {
  bool print = false, check = false;
  std::vector<const char*> rest;
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument == "--help" || argument == "-h") {
      std::printf("%.*s: %.*s\n\n%s", static_cast<int>(service.size()), service.data(),
                  static_cast<int>(purpose.size()), purpose.data(),
                  SettingsPage(service, table).c_str());
      std::exit(0);
    }
    if (argument == "--version") {
      std::printf("%.*s %s\n", static_cast<int>(service.size()), service.data(), OUTRIGGER_VERSION);
      std::exit(0);
    }
    if (argument == "--print-config")
      print = true;
    else if (argument == "--check-config")
      check = true;
    else
      rest.push_back(argv[i]);
  }
  auto config = LoadConfig(service, table, static_cast<int>(rest.size()), rest.data(), ::environ);
  if (!config) {
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(service.size()), service.data(),
                 config.error().message().c_str());
    if (!config.error().hint().empty())
      std::fprintf(stderr, "hint: %s\n", config.error().hint().c_str());
    std::exit(2);
  }
  if (print) std::fputs(config->Print().c_str(), stdout);
  if (print || check) std::exit(0);
  InitLog(service);
  LogInfo("starting",
          {
              {"version", OUTRIGGER_VERSION},
              {"pid",     ::getpid()       },
              {"config",  config->Print()  }
  });
  return std::move(*config);
}

std::string SettingsPage(std::string_view service, std::span<const Setting> table) {
  std::string page;
  for (const Setting& setting : table) {
    page += "- `" + FlagName(setting.key) + "` (`" + EnvironmentName(service, setting.key) +
            "`), " + std::string(KindName(setting.kind)) + ", ";
    page += setting.required ? "required"
            : setting.default_value.empty()
                ? "default none"
                : "default `" + std::string(setting.default_value) + "`";
    if (setting.min < setting.max)
      page += ", " + NumberText(setting.min) + " to " + NumberText(setting.max);
    page += ": " + std::string(setting.help) + "\n";
  }
  return page;
}

}  // namespace outrigger
