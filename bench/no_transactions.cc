// SPDX-License-Identifier: Apache-2.0
// Preloaded into a data_companion it turns transactions into flushes of an idempotent producer: the
// same program at least once, so that what exactly once costs can be measured. The product has no
// such mode.
#include <librdkafka/rdkafka.h>

#include <cstring>

#include <dlfcn.h>

namespace {

template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

rd_kafka_conf_res_t rd_kafka_conf_set(rd_kafka_conf_t* conf, const char* name, const char* value,
                                      char* why, std::size_t size) {
  static const auto real = Real<decltype(rd_kafka_conf_set)>("rd_kafka_conf_set");
  if (std::strcmp(name, "transactional.id") == 0)
    return real(conf, "enable.idempotence", "true", why, size);
  if (std::strcmp(name, "transaction.timeout.ms") == 0) return RD_KAFKA_CONF_OK;
  return real(conf, name, value, why, size);
}

rd_kafka_error_t* rd_kafka_init_transactions(rd_kafka_t*, int) { return nullptr; }
rd_kafka_error_t* rd_kafka_begin_transaction(rd_kafka_t*) { return nullptr; }
rd_kafka_error_t* rd_kafka_abort_transaction(rd_kafka_t*, int) { return nullptr; }

rd_kafka_error_t* rd_kafka_commit_transaction(rd_kafka_t* producer, int deadline_ms) {
  const auto flushed = rd_kafka_flush(producer, deadline_ms);
  return flushed == RD_KAFKA_RESP_ERR_NO_ERROR
             ? nullptr
             : rd_kafka_error_new(flushed, "not delivered within %d ms", deadline_ms);
}
}
