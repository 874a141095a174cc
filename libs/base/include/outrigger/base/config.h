// SPDX-License-Identifier: Apache-2.0
// Configuration: one table of settings a service, so that default, unit, bounds and help stand
// where the reader looks.
//
// A setting comes from, the later the stronger: its default, a YAML-free `KEY=VALUE` file (--config
// FILE), the environment (OUTRIGGER_<SERVICE>_<KEY> in upper case), the command line (--key VALUE
// or --key=VALUE). Threads: read-only after Load().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "outrigger/base/result.h"

namespace outrigger {

enum class SettingKind { kText, kInteger, kNumber, kBoolean, kMillis, kSecretFile };

// One row of a service's table. kSecretFile: the value is a path; the content is read at start,
// never printed.
struct Setting {
  std::string_view key;  // snake_case; units in the name where the kind has none
  SettingKind kind;
  std::string_view default_value;  // ignored when required
  std::string_view help;
  bool required = false;
  double min = 0;  // of kInteger, kNumber and kMillis, when min < max
  double max = 0;
};

class Config {
 public:
  const std::string& Text(std::string_view key) const;
  std::int64_t Integer(std::string_view key) const;
  double Number(std::string_view key) const;
  bool Boolean(std::string_view key) const;
  std::chrono::milliseconds Duration(std::string_view key) const;
  // The content of a kSecretFile setting, without the trailing line break; empty when no file is
  // set.
  const std::string& Secret(std::string_view key) const;

  // key=value a line, without secrets: files of secrets by their path, passwords in addresses as
  // "********".
  std::string Print() const;

 private:
  friend class ConfigLoader;
  std::map<std::string, std::string, std::less<>> values_;
  std::map<std::string, std::string, std::less<>> secrets_;
};

// Reads the settings of `service`. Every setting may be asked with the accessor of its kind only;
// another key is a programmer's error. Errors: kInvalidArgument - unknown key (the hint names the
// nearest), bad value, missing required setting.
Result<Config> LoadConfig(std::string_view service, std::span<const Setting> table, int argc,
                          const char* const* argv, const char* const* environment);

// For main(): handles --help, --print-config, --check-config (exit 0) and a bad configuration
// (prints error and hint, exit 2); otherwise initialises the log, logs the effective values and
// returns them.
Config LoadConfigOrExit(std::string_view service, std::string_view purpose,
                        std::span<const Setting> table, int argc, const char* const* argv);

// The table as a page of Markdown, for docs/reference.
std::string SettingsPage(std::string_view service, std::span<const Setting> table);

}  // namespace outrigger
