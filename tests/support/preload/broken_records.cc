// SPDX-License-Identifier: Apache-2.0
// Preloaded into a companion host it breaks what that writes, so that the checker of chaos can be
// checked. The file that OUTRIGGER_BREAK_FILE names says how; while it is empty nothing is broken:
//
//   drop, repeat, swap    each third output is left out, written twice, or written behind the next
//                         one of its subject
//   lose-park             rows that wait for their next try are not written to the journal
//   forget-letter         dead letters are not written
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

using Produce = decltype(rd_kafka_produceva);

Produce* Real() {
  static const auto real = reinterpret_cast<Produce*>(::dlsym(RTLD_NEXT, "rd_kafka_produceva"));
  return real;
}

std::string Wish() {
  std::string wish;
  if (const char* path = std::getenv("OUTRIGGER_BREAK_FILE")) std::ifstream(path) >> wish;
  return wish;
}

// A record as it was given, with copies of what it points to.
struct Held {
  std::string topic, key, value;
  std::vector<rd_kafka_vu_t> fields;
};

struct View {
  std::string topic, key;
  bool tombstone = true;
  rd_kafka_headers_t* headers = nullptr;
};

View Look(const rd_kafka_vu_t* fields, std::size_t count) {
  View view;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& field = fields[i];
    if (field.vtype == RD_KAFKA_VTYPE_TOPIC) view.topic = field.u.cstr;
    if (field.vtype == RD_KAFKA_VTYPE_KEY)
      view.key.assign(static_cast<const char*>(field.u.mem.ptr), field.u.mem.size);
    if (field.vtype == RD_KAFKA_VTYPE_VALUE) view.tombstone = field.u.mem.ptr == nullptr;
    if (field.vtype == RD_KAFKA_VTYPE_HEADERS) view.headers = field.u.headers;
  }
  return view;
}

rd_kafka_error_t* LeaveOut(const View& view) {
  if (view.headers) rd_kafka_headers_destroy(view.headers);  // what is produced owns them
  return nullptr;
}

rd_kafka_error_t* Twice(rd_kafka_t* client, const View& view, const rd_kafka_vu_t* fields,
                        std::size_t count) {
  std::vector<rd_kafka_vu_t> again(fields, fields + count);
  for (auto& field : again)
    if (field.vtype == RD_KAFKA_VTYPE_HEADERS)
      field.u.headers = rd_kafka_headers_copy(view.headers);
  if (auto* error = Real()(client, again.data(), again.size())) return error;
  return Real()(client, fields, count);
}

Held Copy(const View& view, const rd_kafka_vu_t* fields, std::size_t count) {
  Held held{
      view.topic, view.key, {},
        {fields, fields + count}
  };
  for (const auto& field : held.fields)
    if (field.vtype == RD_KAFKA_VTYPE_VALUE)
      held.value.assign(static_cast<const char*>(field.u.mem.ptr), field.u.mem.size);
  return held;
}

rd_kafka_error_t* Give(rd_kafka_t* client, Held held) {
  for (auto& field : held.fields) {
    if (field.vtype == RD_KAFKA_VTYPE_TOPIC) field.u.cstr = held.topic.c_str();
    if (field.vtype == RD_KAFKA_VTYPE_KEY) field.u.mem.ptr = held.key.data();
    if (field.vtype == RD_KAFKA_VTYPE_VALUE) field.u.mem.ptr = held.value.data();
  }
  return Real()(client, held.fields.data(), held.fields.size());
}

}  // namespace

extern "C" rd_kafka_error_t* rd_kafka_produceva(rd_kafka_t* client, const rd_kafka_vu_t* fields,
                                                std::size_t count) {
  static std::mutex mutex;
  static std::map<std::string, Held> held;
  static int outputs = 0;
  const std::lock_guard lock(mutex);
  const View view = Look(fields, count);
  const std::string wish = Wish();
  const bool output = view.topic.starts_with("out.");
  if (const auto first = held.find(view.key); output && first != held.end()) {
    Held earlier = std::move(first->second);
    held.erase(first);
    if (auto* error = Real()(client, fields, count)) return error;
    return Give(client, std::move(earlier));
  }
  if (wish == "lose-park" && view.topic.starts_with("journal.") && !view.tombstone &&
      view.key.contains("/parked/"))
    return LeaveOut(view);
  if (wish == "forget-letter" && view.topic.starts_with("dead.")) return LeaveOut(view);
  if (!output || wish.empty() || ++outputs % 3 != 0) return Real()(client, fields, count);
  if (wish == "drop") return LeaveOut(view);
  if (wish == "repeat") return Twice(client, view, fields, count);
  if (wish == "swap") {
    held[view.key] = Copy(view, fields, count);
    return nullptr;
  }
  return Real()(client, fields, count);
}
