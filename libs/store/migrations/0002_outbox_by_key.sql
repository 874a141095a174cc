-- SPDX-License-Identifier: Apache-2.0
-- Boards look for the last record of a key; without an index each look reads the whole outbox.
CREATE INDEX outbox_by_key ON outbox (topic, key text_pattern_ops, id);
-- A claim asks for sagas that wait for another's end, and for those of one owner.
CREATE INDEX saga_superseded ON saga (tenant, model) WHERE status = 'RUNNING' AND superseded_by IS NOT NULL;
