# SPDX-License-Identifier: Apache-2.0
"""python_loop.py BROKERS IN OUT URL: posts each record and writes the reply, exactly once; a commit after 100 ms or when drained."""
import sys
import time

import confluent_kafka
import httpx

BROKERS, INTO, OUT, URL = sys.argv[1:]


def main():
    consumer = confluent_kafka.Consumer({"bootstrap.servers": BROKERS, "group.id": "bench-python", "enable.auto.commit": False,
                                         "isolation.level": "read_committed", "auto.offset.reset": "earliest"})
    producer = confluent_kafka.Producer({"bootstrap.servers": BROKERS, "transactional.id": "bench-python", "linger.ms": 5,
                                         "retry.backoff.ms": 5})
    producer.init_transactions()
    consumer.subscribe([INTO])
    with httpx.Client(headers={"Content-Type": "application/json"}) as client:
        while True:
            records = consumer.consume(500, 0.05)
            began = None
            for record in records:
                if record.error():
                    raise SystemExit(record.error())
                if began is None:
                    producer.begin_transaction()
                    began = time.monotonic()
                reply = client.post(URL, content=record.value()).raise_for_status()
                producer.produce(OUT, reply.content, record.key())
                if record is records[-1] or time.monotonic() - began > 0.1:
                    place = confluent_kafka.TopicPartition(INTO, record.partition(), record.offset() + 1)
                    producer.send_offsets_to_transaction([place], consumer.consumer_group_metadata())
                    producer.commit_transaction()
                    began = None


main()
