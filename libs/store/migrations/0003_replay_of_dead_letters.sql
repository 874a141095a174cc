-- SPDX-License-Identifier: Apache-2.0
-- What a model needs to be asked again, and how far that came.
ALTER TABLE dead_letter
  ADD COLUMN dead_row    text,         -- NULL: it cannot be tried again
  ADD COLUMN replay_of   text,         -- id of the dead letter that was tried again and led to this one
  ADD COLUMN replay_in   text,         -- deployment that tries or tried it again
  ADD COLUMN replay_end  text,         -- scored or dead-letter; NULL: not yet
  ADD COLUMN replayed_at timestamptz;
CREATE INDEX dead_letter_to_replay ON dead_letter (tenant, model, time) WHERE dead_row IS NOT NULL AND replay_in IS NULL;
CREATE INDEX dead_letter_in_replay ON dead_letter (tenant, replay_in) WHERE replay_in IS NOT NULL AND replay_end IS NULL;
