// SPDX-License-Identifier: Apache-2.0
#include "data_collector/telemetry_reader.h"

#include <algorithm>
#include <array>

#include "data_collector/json_cursor.h"
#include "outrigger/base/json.h"
#include "outrigger/base/text.h"

namespace outrigger::data_collector {
namespace {

using Members = std::vector<std::pair<std::string, RawValue>>;

constexpr std::size_t kMaxValues = 4'096;  // of one record
constexpr std::size_t kMaxFaults = 16;     // told of one record
constexpr std::size_t kMaxShown = 64;      // bytes of a sender's text in a detail
constexpr std::array<std::string_view, 5> kFields = {"asset", "time", "id", "values", "units"};

std::string Shown(std::string_view text) {
  if (text.size() <= kMaxShown) return "\"" + std::string(text) + "\"";
  std::size_t end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return "\"" + std::string(text.substr(0, end)) + "…\"";
}

void AddFault(RawRecord& record, std::string pointer, std::string code, std::string detail) {
  if (record.faults.size() < kMaxFaults)
    record.faults.push_back({std::move(pointer), std::move(code), std::move(detail)});
}

void AddDuplicate(RawRecord& record, std::string_view parent, const std::string& name) {
  AddFault(record, PointerTo(parent, name), "duplicate-key",
           "the member " + Shown(name) + " is there twice");
}

// Reads `{"name": scalar, …}` into `members`, sorted by name. What is no object is a fault of the
// record.
bool ReadMembers(JsonCursor& cursor, RawRecord& record, const std::string& pointer,
                 Members& members) {
  if (cursor.Peek() != '{') {
    RawValue other;
    if (!cursor.ReadValue(other, 2)) return false;
    AddFault(record, pointer, "type", "an object is expected");
    return true;
  }
  if (!cursor.Take('{', "")) return false;
  bool more = cursor.Peek() != '}';
  if (!more && !cursor.Take('}', "")) return false;
  while (more) {
    std::string name;
    RawValue value;
    bool sound = true;
    if (!cursor.ReadString(name, sound) || !cursor.Take(':', "':' is expected") ||
        !cursor.ReadValue(value, 3) || !cursor.TakeCommaOr('}', more))
      return false;
    if (!sound) {
      AddFault(record, pointer, "encoding", "a name holds NUL or a lone surrogate");
    } else if (members.size() < kMaxValues) {
      members.emplace_back(std::move(name), std::move(value));
    } else {
      AddFault(record, pointer, "too-many", "at most 4096 members are taken");
    }
  }
  const auto name_of = &Members::value_type::first;
  std::ranges::stable_sort(members, {}, name_of);
  for (auto at = std::ranges::adjacent_find(members, {}, name_of); at != members.end();
       at = std::adjacent_find(at + 1, members.end(),
                               [](const auto& a, const auto& b) { return a.first == b.first; }))
    AddDuplicate(record, pointer, at->first);
  return true;
}

bool ReadMember(JsonCursor& cursor, RawRecord& record, std::array<bool, kFields.size()>& seen,
                bool& has_values) {
  std::string name;
  bool sound = true;
  if (!cursor.ReadString(name, sound) || !cursor.Take(':', "':' is expected")) return false;
  const auto field = std::ranges::find(kFields, name);
  if (field == kFields.end() || !sound) {
    RawValue ignored;
    if (!cursor.ReadValue(ignored, 2)) return false;
    const auto nearest = Nearest(name, kFields);
    AddFault(record, PointerTo("", sound ? name : std::string()), "unknown-field",
             Shown(name) + " is no field of a record" +
                 (nearest ? "; did you mean \"" + std::string(*nearest) + "\"?" : ""));
    return true;
  }
  bool& again = seen[static_cast<std::size_t>(field - kFields.begin())];
  if (again) AddDuplicate(record, "", name);
  again = true;
  if (name == "values" || name == "units") {
    has_values = has_values || name == "values";
    Members& members = name == "values" ? record.values : record.units;
    members.clear();
    return ReadMembers(cursor, record, "/" + name, members);
  }
  auto& target = name == "asset" ? record.asset : name == "time" ? record.time : record.id;
  return cursor.ReadValue(target.emplace(), 2);
}

bool ReadRecord(JsonCursor& cursor, RawRecord& record) {
  if (cursor.Peek() != '{') {
    RawValue other;
    if (!cursor.ReadValue(other, 1)) return false;
    AddFault(record, "", "type", "a record is an object");
    return true;
  }
  if (!cursor.Take('{', "")) return false;
  std::array<bool, kFields.size()> seen{};
  bool has_values = false;
  bool more = cursor.Peek() != '}';
  if (!more && !cursor.Take('}', "")) return false;
  while (more) {
    if (!ReadMember(cursor, record, seen, has_values) || !cursor.TakeCommaOr('}', more))
      return false;
  }
  if (!record.asset) AddFault(record, "/asset", "missing", "the id of the asset is missing");
  if (!has_values) {
    AddFault(record, "/values", "missing", "the values are missing");
  } else if (record.values.empty() && record.faults.empty()) {
    AddFault(record, "/values", "empty", "at least one value is needed");
  }
  return true;
}

std::unexpected<BodyFault> Refused(int status, std::string code, std::string detail) {
  return std::unexpected(BodyFault{status, std::move(code), std::move(detail)});
}

std::unexpected<BodyFault> TooMany(std::size_t max_records) {
  return Refused(413, "too-many-records",
                 "at most " + std::to_string(max_records) + " records are taken in one request");
}

// Why `text` may not be read at all; empty when it may.
std::string EncodingFault(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return "a NUL byte";
  if (!IsValidUtf8(text)) return "the text is not valid UTF-8";
  return {};
}

}  // namespace

std::expected<RawBatch, BodyFault> ReadJson(std::string_view body, std::size_t max_records) {
  if (std::string fault = EncodingFault(body); !fault.empty())
    return Refused(400, "encoding", std::move(fault));
  JsonCursor cursor(body);
  const auto syntax = [&] { return Refused(400, "syntax", cursor.fault()); };
  RawBatch batch;
  if (cursor.AtEnd()) return Refused(400, "syntax", "the body is empty");
  if (cursor.Peek() == '[') {
    if (!cursor.Take('[', "")) return syntax();
    bool more = cursor.Peek() != ']';
    if (!more && !cursor.Take(']', "")) return syntax();
    while (more) {
      if (batch.records.size() == max_records) return TooMany(max_records);
      RawRecord& record = batch.records.emplace_back();
      record.index = batch.records.size() - 1;
      if (!ReadRecord(cursor, record) || !cursor.TakeCommaOr(']', more)) return syntax();
    }
  } else {
    batch.lone = true;
    if (!ReadRecord(cursor, batch.records.emplace_back())) return syntax();
  }
  if (!cursor.AtEnd()) return cursor.Fail("text after the end of the document"), syntax();
  if (batch.records.empty()) return Refused(422, "empty", "there is no record in the array");
  return batch;
}

std::expected<RawBatch, BodyFault> ReadNdjson(std::string_view body, std::size_t max_records) {
  RawBatch batch;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (batch.records.size() == max_records) return TooMany(max_records);
    RawRecord& record = batch.records.emplace_back();
    record.index = batch.records.size() - 1;
    std::string encoding = EncodingFault(line);
    if (!encoding.empty()) {
      AddFault(record, "", "encoding", std::move(encoding));
      continue;
    }
    JsonCursor cursor(line);
    if (ReadRecord(cursor, record) &&
        (cursor.AtEnd() || cursor.Fail("text after the end of the record")))
      continue;
    record.faults.clear();
    AddFault(record, "", "syntax", "the line is no JSON: " + cursor.fault());
  }
  if (batch.records.empty()) return Refused(422, "empty", "there is no record in the body");
  return batch;
}

}  // namespace outrigger::data_collector
