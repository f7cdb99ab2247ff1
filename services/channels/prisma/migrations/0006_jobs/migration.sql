-- Background work (docs/adr/0022). The same text in every service with jobs, but for the schema; the code is the chassis'.
CREATE TABLE channels.jobs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  -- What it is about; null where several may wait.
  key text,
  data jsonb NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  -- From when on it may be claimed; while it is worked on, when the claim runs out.
  run_at timestamptz NOT NULL DEFAULT now(),
  -- The claim of the replica that works on it.
  claim uuid,
  -- Asked for once more while it was worked on.
  again boolean NOT NULL DEFAULT false,
  -- Why the last attempt failed.
  error text,
  -- Since when nobody tries it any more.
  dead_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX jobs_tenant_id_name_key_key ON channels.jobs (tenant_id, name, key) WHERE dead_at IS NULL;
CREATE INDEX jobs_run_at_idx ON channels.jobs (run_at) WHERE dead_at IS NULL;
CREATE INDEX jobs_tenant_id_dead_at_idx ON channels.jobs (tenant_id, dead_at) WHERE dead_at IS NOT NULL;
