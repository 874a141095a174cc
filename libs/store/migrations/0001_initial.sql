-- SPDX-License-Identifier: Apache-2.0
-- The first schema. Conventions:
--   * every tenant's table begins its keys with tenant, has FORCEd row level security, and shows rows of the tenant
--     that set_config('outrigger.tenant', …, true) named in this transaction, none when it named none;
--   * times are timestamptz, telemetry's times are Unix milliseconds;
--   * outrigger_app answers requests, outrigger_worker runs sagas and the relay over all tenants where a policy of its
--     own says so, outrigger_archive bypasses row level security on the data plane's tables and sees nothing else.
-- See docs/adr/0008-row-level-security.md.

-- Roles belong to the whole cluster: another database's migration may make them at the same moment.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN SELECT * FROM (VALUES ('outrigger_app', 'NOLOGIN'), ('outrigger_worker', 'NOLOGIN'),
                                      ('outrigger_archive', 'NOLOGIN BYPASSRLS')) AS r(name, attributes)
  LOOP
    BEGIN
      IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted.name) THEN
        EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
    BEGIN
      IF NOT pg_has_role(current_user, wanted.name, 'SET') THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', wanted.name);
      END IF;
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END LOOP;
END $$;

CREATE FUNCTION outrigger_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT NULLIF(current_setting('outrigger.tenant', true), '') $$;

-- Tenants and credentials ---------------------------------------------------------------------------------------------

CREATE TABLE tenant (
  id         text PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE api_token (
  tenant     text NOT NULL REFERENCES tenant (id),
  name       text NOT NULL,
  hash       text NOT NULL UNIQUE,          -- SHA-256 of the token, hex
  role       text NOT NULL CHECK (role IN ('viewer', 'scientist', 'operator', 'admin', 'platform-admin')),
  expires_at timestamptz,
  last_used  timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name)
);

CREATE TABLE container_registry (
  tenant          text NOT NULL REFERENCES tenant (id),
  name            text NOT NULL,
  registry        text NOT NULL,
  username        text NOT NULL DEFAULT '',
  password_sealed text NOT NULL DEFAULT '',
  owner_model     text,                     -- the model whose manifest made it; NULL: made by itself
  uid             text NOT NULL DEFAULT gen_random_uuid()::text,
  version         bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name)
);

-- Assets --------------------------------------------------------------------------------------------------------------

CREATE TABLE asset_type (
  tenant     text NOT NULL REFERENCES tenant (id),
  id         text NOT NULL,
  name       text NOT NULL,
  attributes jsonb NOT NULL DEFAULT '[]',
  uid        text NOT NULL DEFAULT gen_random_uuid()::text,
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, id)
);

CREATE TABLE asset (
  tenant     text NOT NULL REFERENCES tenant (id),
  id         text NOT NULL,
  name       text NOT NULL,
  type       text NOT NULL,
  attributes jsonb NOT NULL DEFAULT '{}',
  uid        text NOT NULL DEFAULT gen_random_uuid()::text,
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, type) REFERENCES asset_type (tenant, id)
);
CREATE INDEX asset_by_type ON asset (tenant, type, id);

CREATE TABLE telemetry_definition (
  tenant     text NOT NULL REFERENCES tenant (id),
  owner_kind text NOT NULL CHECK (owner_kind IN ('type', 'asset')),
  owner_id   text NOT NULL,
  name       text NOT NULL,
  type       text NOT NULL CHECK (type IN ('number', 'string', 'boolean')),
  unit       text,
  position   integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, owner_kind, owner_id, name)
);

-- Models --------------------------------------------------------------------------------------------------------------

CREATE TABLE model (
  tenant              text NOT NULL REFERENCES tenant (id),
  name                text NOT NULL,
  uid                 text NOT NULL DEFAULT gen_random_uuid()::text,
  version             text NOT NULL,        -- the manifest's
  generation          bigint NOT NULL DEFAULT 1,
  manifest            jsonb NOT NULL,
  mappings            jsonb,
  warnings            jsonb NOT NULL DEFAULT '[]',
  state               text NOT NULL DEFAULT 'DRAFT',
  reason              text NOT NULL DEFAULT '',
  message             text NOT NULL DEFAULT '',
  since               timestamptz NOT NULL DEFAULT clock_timestamp(),
  operation           text,                 -- the saga that runs; NULL at rest
  deployment          text,                 -- NULL: nothing exists outside this database
  observed_generation bigint NOT NULL DEFAULT 0,
  recovery_tries      integer NOT NULL DEFAULT 0,
  created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, name)
);
CREATE INDEX model_not_draft ON model (tenant, name) WHERE state <> 'DRAFT';

-- The manifest's inputs and outputs.
CREATE TABLE model_template_mapping (
  tenant         text NOT NULL,
  model          text NOT NULL,
  direction      text NOT NULL CHECK (direction IN ('input', 'output')),
  column_name    text NOT NULL,
  read_as_string boolean NOT NULL DEFAULT false,
  unit           text,
  position       integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, model, direction, column_name),
  FOREIGN KEY (tenant, model) REFERENCES model (tenant, name) ON DELETE CASCADE
);

-- Template column -> telemetry of a type.
CREATE TABLE asset_type_mapping (
  tenant      text NOT NULL,
  model       text NOT NULL,
  direction   text NOT NULL CHECK (direction IN ('input', 'output')),
  column_name text NOT NULL,
  asset_type  text NOT NULL,
  telemetry   text NOT NULL,
  PRIMARY KEY (tenant, model, direction, column_name),
  FOREIGN KEY (tenant, model) REFERENCES model (tenant, name) ON DELETE CASCADE
);
CREATE INDEX asset_type_mapping_by_type ON asset_type_mapping (tenant, asset_type);

-- Template column -> telemetry of an asset, by subject: as mapped, or exploded from a type at deploy.
CREATE TABLE model_mapping (
  tenant      text NOT NULL,
  model       text NOT NULL,
  subject     text NOT NULL,
  direction   text NOT NULL CHECK (direction IN ('input', 'output')),
  column_name text NOT NULL,
  asset       text NOT NULL,
  telemetry   text NOT NULL,
  exploded    boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, model, subject, direction, column_name),
  FOREIGN KEY (tenant, model) REFERENCES model (tenant, name) ON DELETE CASCADE
);
CREATE INDEX model_mapping_by_asset ON model_mapping (tenant, asset);

CREATE TABLE model_health (
  tenant     text NOT NULL,
  model      text NOT NULL,
  seq        bigint GENERATED ALWAYS AS IDENTITY,
  status     text NOT NULL CHECK (status IN ('HEALTHY', 'UNHEALTHY', 'UNKNOWN')),
  detail     text NOT NULL DEFAULT '',
  latency_ms double precision,
  time       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, model, seq),
  FOREIGN KEY (tenant, model) REFERENCES model (tenant, name) ON DELETE CASCADE
);

CREATE TABLE model_state_history (
  tenant     text NOT NULL,
  model      text NOT NULL,
  seq        bigint GENERATED ALWAYS AS IDENTITY,
  from_state text,                          -- NULL: before submit
  to_state   text NOT NULL,
  reason     text NOT NULL,
  message    text NOT NULL DEFAULT '',
  actor      text NOT NULL,
  operation  text,
  time       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, model, seq),
  FOREIGN KEY (tenant, model) REFERENCES model (tenant, name) ON DELETE CASCADE
);

-- Outlives its model: a stray of it can still be found by its id.
CREATE TABLE deployment (
  tenant      text NOT NULL,
  id          text NOT NULL,
  model       text NOT NULL,
  generation  bigint NOT NULL DEFAULT 0,
  digest      text NOT NULL DEFAULT '',
  endpoint    text NOT NULL DEFAULT '',
  spec        jsonb NOT NULL DEFAULT '{}',  -- libs/lifecycle plan.h
  route       jsonb,                        -- the last route published, model_api's
  out_ends    jsonb,                        -- ends of out and dead as noted at the stop, model_api's
  revision    bigint,                       -- of the route's last publication, model_api's
  swept       boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at    timestamptz,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX deployment_by_model ON deployment (tenant, model);
CREATE INDEX deployment_unswept ON deployment (ended_at) WHERE NOT swept;

-- Sagas ---------------------------------------------------------------------------------------------------------------

CREATE TABLE saga (
  tenant        text NOT NULL,
  id            text NOT NULL,
  model         text NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('deploy', 'halt', 'resume', 'withdraw', 'remove', 'recover')),
  status        text NOT NULL DEFAULT 'RUNNING' CHECK (status IN ('RUNNING', 'DONE', 'UNDONE', 'FAILED')),
  cursor        integer NOT NULL DEFAULT 0, -- the step that is next, or runs
  direction     text NOT NULL DEFAULT 'run' CHECK (direction IN ('run', 'undo')),
  round         integer NOT NULL DEFAULT 1, -- a saga that begins anew counts up
  counted_round integer NOT NULL DEFAULT 0, -- the last round that was added to recovery_tries
  epoch         bigint NOT NULL DEFAULT 0,  -- grows with each claim; every write names it
  lease_owner   text,
  lease_until   timestamptz,
  not_before    timestamptz,
  superseded_by text,
  actor         text NOT NULL DEFAULT '',
  error         text,
  payload       jsonb NOT NULL DEFAULT '{}',
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at   timestamptz,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX saga_running ON saga (created_at) WHERE status = 'RUNNING';
CREATE INDEX saga_by_model ON saga (tenant, model, created_at);

CREATE TABLE saga_step (
  tenant      text NOT NULL,
  saga        text NOT NULL,
  position    integer NOT NULL,
  name        text NOT NULL,
  status      text NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'DONE', 'FAILED', 'UNDOING', 'UNDONE')),
  tries       integer NOT NULL DEFAULT 0,
  error       text,
  started_at  timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (tenant, saga, position),
  FOREIGN KEY (tenant, saga) REFERENCES saga (tenant, id) ON DELETE CASCADE
);

-- Records on their way to Kafka, written in the transaction that made them true.
CREATE TABLE outbox (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant       text DEFAULT outrigger_tenant(),
  topic        text NOT NULL,
  key          text NOT NULL,
  value        text,                        -- NULL: a tombstone
  headers      jsonb NOT NULL DEFAULT '{}',
  revision     bigint,                      -- given once, by the relay, before the first publication
  published_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

-- Who does a thing that only one may do. `counter` belongs to the holder (the relay's revisions).
CREATE TABLE lease (
  name    text PRIMARY KEY,
  owner   text NOT NULL,
  epoch   bigint NOT NULL DEFAULT 1,
  until   timestamptz NOT NULL,
  counter bigint NOT NULL DEFAULT 0
);

CREATE TABLE idempotency_key (
  tenant     text NOT NULL,
  key        text NOT NULL,
  route      text NOT NULL,
  body_hash  text NOT NULL,
  status     integer,                       -- of the answer; NULL while it runs
  response   json,                          -- kept as written, to be given again
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

CREATE TABLE library_entry (
  tenant      text NOT NULL REFERENCES tenant (id),
  entry       text NOT NULL,
  description text NOT NULL DEFAULT '',
  manifest    jsonb NOT NULL,
  share_with  jsonb NOT NULL DEFAULT '"tenant"',
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, entry)
);

CREATE TABLE audit_log (
  tenant text NOT NULL,
  seq    bigint GENERATED ALWAYS AS IDENTITY,
  actor  text NOT NULL,
  action text NOT NULL,
  object text NOT NULL,
  detail jsonb NOT NULL DEFAULT '{}',
  time   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, seq)
);

-- The data plane's tables ---------------------------------------------------------------------------------------------

CREATE TABLE dead_letter (
  tenant     text NOT NULL,
  id         text NOT NULL,                 -- the record's ce_id
  model      text NOT NULL,
  deployment text NOT NULL,
  request_id text,
  cause      text NOT NULL,
  detail     text NOT NULL DEFAULT '',
  tries      integer NOT NULL DEFAULT 0,
  time       timestamptz NOT NULL DEFAULT clock_timestamp(),
  source     text NOT NULL,                 -- topic:partition:offset
  record     text,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX dead_letter_by_model ON dead_letter (tenant, model, time, id);

CREATE TABLE model_output (
  tenant       text NOT NULL,
  model        text NOT NULL,
  asset_id     text NOT NULL,
  time         bigint NOT NULL,
  identity     text NOT NULL,               -- the record's ce_id
  position     integer NOT NULL DEFAULT 0,  -- of the row in its record
  values       jsonb NOT NULL,
  version      text NOT NULL DEFAULT '',
  digest       text NOT NULL DEFAULT '',
  deployment   text NOT NULL,
  window_start bigint,
  window_end   bigint,
  request_id   text,
  PRIMARY KEY (tenant, identity, position)
);
CREATE INDEX model_output_by_time ON model_output (tenant, model, time, identity, position);
CREATE INDEX model_output_by_asset ON model_output (tenant, model, asset_id, time);

CREATE TABLE telemetry_history (
  tenant    text NOT NULL,
  asset     text NOT NULL,
  telemetry text NOT NULL,
  time      bigint NOT NULL,
  number    double precision,
  text      text,
  flag      boolean,
  PRIMARY KEY (tenant, asset, telemetry, time)
) PARTITION BY RANGE (time);
CREATE TABLE telemetry_history_default PARTITION OF telemetry_history DEFAULT;

CREATE TABLE telemetry_latest (
  tenant    text NOT NULL,
  asset     text NOT NULL,
  telemetry text NOT NULL,
  time      bigint NOT NULL,
  number    double precision,
  text      text,
  flag      boolean,
  PRIMARY KEY (tenant, asset, telemetry)
);

CREATE TABLE archive_offset (
  topic       text NOT NULL,
  partition   integer NOT NULL,
  next_offset bigint NOT NULL,
  PRIMARY KEY (topic, partition)
);

-- Makes the history's partition of the day that holds `at_ms`. False: it exists, or the default partition already holds
-- rows of that day.
CREATE FUNCTION outrigger_make_history_day(at_ms bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  day_ms constant bigint := 86400000;
  begins constant bigint := at_ms - ((at_ms % day_ms) + day_ms) % day_ms;
  part   constant text := 'telemetry_history_' ||
                          to_char(to_timestamp(begins / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
  IF to_regclass('public.' || part) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE public.%I PARTITION OF public.telemetry_history FOR VALUES FROM (%s) TO (%s)',
                 part, begins, begins + day_ms);
  RETURN true;
EXCEPTION WHEN duplicate_table OR check_violation THEN
  RETURN false;
END $$;
REVOKE ALL ON FUNCTION outrigger_make_history_day(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outrigger_make_history_day(bigint) TO outrigger_archive;

-- Who may see what ----------------------------------------------------------------------------------------------------

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['api_token', 'container_registry', 'asset_type', 'asset', 'telemetry_definition', 'model',
      'model_template_mapping', 'asset_type_mapping', 'model_mapping', 'model_health', 'model_state_history',
      'deployment', 'saga', 'saga_step', 'outbox', 'idempotency_key', 'library_entry', 'audit_log', 'dead_letter',
      'model_output', 'telemetry_history', 'telemetry_history_default', 'telemetry_latest']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant = NULLIF(current_setting(''outrigger.tenant'', true), ''''))',
                   name);
  END LOOP;
  -- The worker claims and reads across tenants here; a step then sets its saga's tenant for everything else.
  FOREACH name IN ARRAY ARRAY['model', 'deployment', 'saga', 'saga_step', 'outbox', 'idempotency_key']
  LOOP
    EXECUTE format('CREATE POLICY of_worker ON %I TO outrigger_worker USING (true) WITH CHECK (true)', name);
  END LOOP;
END $$;

-- Records of the platform itself have no tenant.
CREATE POLICY of_platform ON outbox TO outrigger_app
  USING (tenant IS NULL AND outrigger_tenant() IS NULL) WITH CHECK (tenant IS NULL AND outrigger_tenant() IS NULL);

GRANT USAGE ON SCHEMA public TO outrigger_app, outrigger_worker, outrigger_archive;

GRANT SELECT, INSERT ON tenant TO outrigger_app, outrigger_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_token, container_registry, asset_type, asset, telemetry_definition, model,
  model_template_mapping, asset_type_mapping, model_mapping, model_health, model_state_history, deployment, saga,
  saga_step, idempotency_key, library_entry, audit_log, dead_letter TO outrigger_app, outrigger_worker;
GRANT SELECT ON model_output, telemetry_history, telemetry_latest TO outrigger_app;
GRANT SELECT, DELETE ON model_output TO outrigger_worker;
GRANT SELECT ON archive_offset TO outrigger_worker;
GRANT INSERT, SELECT ON outbox TO outrigger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, lease TO outrigger_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON telemetry_history, telemetry_latest, model_output, dead_letter, archive_offset
  TO outrigger_archive;
DO $$ BEGIN
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO outrigger_archive', current_database());  -- staged upserts
END $$;

-- A token is looked up before its tenant is known. The owner of this function may read the one table it needs.
CREATE POLICY of_lookup ON api_token FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION outrigger_find_token(token_hash text)
RETURNS TABLE (tenant text, name text, role text, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.tenant, t.name, t.role, t.expires_at FROM public.api_token t
   WHERE t.hash = token_hash AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
$$;
REVOKE ALL ON FUNCTION outrigger_find_token(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outrigger_find_token(text) TO outrigger_app, outrigger_worker;
