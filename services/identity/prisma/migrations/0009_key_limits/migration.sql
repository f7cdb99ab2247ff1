-- Limits of a key's own; none where there is no number.
ALTER TABLE identity.api_keys ADD COLUMN rate_limit_rpm integer, ADD COLUMN max_concurrent_runs integer;
-- The runs that a key with a limit has under way: a row a place, held until it is given back or its lease is over.
CREATE TABLE identity.api_key_runs (
  key_id uuid NOT NULL REFERENCES identity.api_keys (id) ON DELETE CASCADE,
  place integer NOT NULL,
  run_id uuid NOT NULL,
  lease_until timestamptz NOT NULL,
  PRIMARY KEY (key_id, place)
);
