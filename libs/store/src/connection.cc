// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <algorithm>
#include <chrono>

namespace outrigger::store {
namespace {

// The name in: … violates unique constraint "asset_pkey". libpqxx does not hand out the field.
std::string ConstraintOf(std::string_view message) {
  const auto at = message.find("constraint");
  if (at == std::string_view::npos) return {};
  const auto begin = message.find('"', at);
  if (begin == std::string_view::npos) return {};
  const auto end = message.find('"', begin + 1);
  if (end == std::string_view::npos) return {};
  return std::string(message.substr(begin + 1, end - begin - 1));
}

std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

Failure OfState(std::string_view state, std::string_view what) {
  const std::string message = FirstLine(what);
  const std::string_view group = state.substr(0, 2);
  if (state == "23502" || state == "23514" || group == "22")
    return {Error(ErrorCode::kInvalidArgument, message, ConstraintOf(what))};
  if (group == "23") return {Error(ErrorCode::kConflict, message, ConstraintOf(what))};
  if (group == "40") return {Error(ErrorCode::kConflict, message, "serialization")};
  if (state == "57014") return {Error(ErrorCode::kTimeout, message, "statement_timeout")};
  if (state == "55P03") return {Error(ErrorCode::kTimeout, message, "lock_timeout")};
  if (group == "08" || group == "57" || state == "25P03" || state == "25P04")
    return {Error(ErrorCode::kUnavailable, message), true};
  if (group == "53") return {Error(ErrorCode::kResourceExhausted, message), true};
  return {Error(ErrorCode::kInternal, message + " (" + std::string(state) + ")")};
}

}  // namespace

std::string ConnectionString(const DatabaseOptions& options) {
  const auto seconds = std::max<std::int64_t>(
      2, std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count());
  // A peer that vanished without a word must not hold a thread longer than a statement may.
  const auto silent = options.statement_timeout + options.connect_timeout;
  const std::string settings =
      "-c statement_timeout=" + std::to_string(options.statement_timeout.count()) +
      " -c lock_timeout=" + std::to_string(options.lock_timeout.count()) +
      " -c idle_in_transaction_session_timeout=" + std::to_string(2 * silent.count());
  std::string text = options.uri;
  if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
    std::string escaped;
    for (const char c : settings)
      c == ' ' ? escaped += "%20" : c == '=' ? escaped += "%3D" : escaped += c;
    text += text.find('?') == std::string::npos ? '?' : '&';
    text += "connect_timeout=" + std::to_string(seconds) +
            "&tcp_user_timeout=" + std::to_string(silent.count()) +
            "&keepalives_idle=10&keepalives_interval=3&keepalives_count=3&options=" + escaped;
  } else {
    text += " connect_timeout=" + std::to_string(seconds) +
            " tcp_user_timeout=" + std::to_string(silent.count()) +
            " keepalives_idle=10 keepalives_interval=3 keepalives_count=3 options='" + settings +
            "'";
  }
  return text;
}

Failure CurrentFailure() {
  try {
    throw;
  } catch (const pqxx::in_doubt_error& error) {
    return {Error(ErrorCode::kTimeout, "commit in doubt: " + FirstLine(error.what())), true};
  } catch (const pqxx::broken_connection& error) {
    return {Error(ErrorCode::kUnavailable, "PostgreSQL is gone: " + FirstLine(error.what())), true};
  } catch (const pqxx::sql_error& error) {
    return OfState(error.sqlstate(), error.what());
  } catch (const pqxx::argument_error& error) {
    return {Error(ErrorCode::kInvalidArgument, error.what())};
  } catch (const std::exception& error) {
    return {Error(ErrorCode::kInternal, error.what()), true};
  }
}

}  // namespace outrigger::store
