// SPDX-License-Identifier: Apache-2.0
// Bytes: fixed-size fields appended to and taken from a string, so that a snapshot can be cut short
// or damaged without harm.
#pragma once

#include <concepts>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace outrigger::inference {

template <typename T>
concept Field = std::is_trivially_copyable_v<T> && (std::integral<T> || std::floating_point<T>);

template <Field... T>
void Put(std::string& bytes, T... values) {
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
}

// False when there are too few bytes.
template <Field... T>
bool Take(std::string_view& bytes, T&... values) {
  if (bytes.size() < (sizeof values + ... + 0)) return false;
  ((std::memcpy(&values, bytes.data(), sizeof values), bytes.remove_prefix(sizeof values)), ...);
  return true;
}

inline void PutText(std::string& bytes, std::string_view text) {
  Put(bytes, static_cast<std::uint32_t>(text.size()));
  bytes.append(text);
}

inline bool TakeText(std::string_view& bytes, std::string& text, std::size_t most) {
  std::uint32_t size = 0;
  if (!Take(bytes, size) || size > most || bytes.size() < size) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

inline void PutNumbers(std::string& bytes, const std::vector<double>& numbers) {
  Put(bytes, static_cast<std::uint32_t>(numbers.size()));
  bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
}

inline bool TakeNumbers(std::string_view& bytes, std::vector<double>& numbers, std::size_t most) {
  std::uint32_t size = 0;
  if (!Take(bytes, size) || size > most || bytes.size() < size * sizeof(double)) return false;
  numbers.resize(size);
  std::memcpy(numbers.data(), bytes.data(), size * sizeof(double));
  bytes.remove_prefix(size * sizeof(double));
  return true;
}

}  // namespace outrigger::inference
