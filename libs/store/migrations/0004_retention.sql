-- SPDX-License-Identifier: Apache-2.0
-- History goes after the days its tenant keeps. See docs/adr/0023-retention-by-the-archive.md.
ALTER TABLE tenant ADD COLUMN history_days integer CHECK (history_days BETWEEN 1 AND 36500);  -- NULL: for ever
GRANT UPDATE (history_days) ON tenant TO outrigger_app;

-- Who of several data_pushers removes history now. `lease` is the control plane's.
CREATE TABLE archive_lease (
  name  text PRIMARY KEY,
  owner text NOT NULL,
  until timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON archive_lease TO outrigger_archive;

-- Days are reached through their parent, which leaves out all others; the default partition has no bounds to go by.
GRANT SELECT, UPDATE, DELETE ON telemetry_history_default TO outrigger_archive;

-- Drops the history's partition of the day that holds `at_ms`, if every tenant with rows in it is one of `tenants`.
-- An append waits for it as long as lock_timeout says, and no longer: then this fails and is tried again later.
CREATE FUNCTION outrigger_drop_history_day(at_ms bigint, tenants text[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '200ms' SET enable_seqscan = off AS $$
DECLARE
  part  constant text := 'telemetry_history_' || to_char(to_timestamp(at_ms / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD');
  found text := '';
BEGIN
  IF to_regclass('public.' || part) IS NULL THEN
    RETURN false;
  END IF;
  LOCK TABLE ONLY public.telemetry_history IN ACCESS EXCLUSIVE MODE;  -- in the order in which an append takes them
  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', part);
  LOOP
    EXECUTE format('SELECT min(tenant) FROM public.%I WHERE tenant > $1', part) INTO found USING found;
    EXIT WHEN found IS NULL;
    IF found <> ALL (tenants) THEN
      RETURN false;
    END IF;
  END LOOP;
  EXECUTE format('DROP TABLE public.%I', part);
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION outrigger_drop_history_day(bigint, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outrigger_drop_history_day(bigint, text[]) TO outrigger_archive;
