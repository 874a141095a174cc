// SPDX-License-Identifier: Apache-2.0
#include "data_pusher/json_text.h"

#include "outrigger/base/json.h"

namespace outrigger::data_pusher {

void AppendQuoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void AppendValue(std::string& out, const store::HistoryValue& value) {
  if (const double* number = std::get_if<double>(&value)) {
    out += NumberText(*number);
  } else if (const std::string* text = std::get_if<std::string>(&value)) {
    AppendQuoted(out, *text);
  } else {
    out += std::get<bool>(value) ? "true" : "false";
  }
}

}  // namespace outrigger::data_pusher
