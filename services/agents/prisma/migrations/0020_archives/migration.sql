-- Archives of agents that wait to be downloaded (docs/adr/0028).
CREATE TABLE agents.archives (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  -- For whom it is.
  user_id varchar(255) NOT NULL,
  -- SHA-256 of the token that fetches it, in hexadecimal digits.
  token_hash char(64) NOT NULL UNIQUE,
  file_name varchar(255) NOT NULL,
  -- Null while it is being made.
  size bigint,
  parts integer,
  expires_at timestamptz,
  -- Since when it is fetched: a token is good for once.
  spent_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX archives_user_id_idx ON agents.archives (tenant_id, user_id, created_at DESC);

-- Pieces of them. They live for minutes: after a crash of the database there are none, and whoever asks is told so.
CREATE UNLOGGED TABLE agents.archive_parts (
  archive_id uuid NOT NULL REFERENCES agents.archives (id) ON DELETE CASCADE,
  seq integer NOT NULL,
  tenant_id uuid NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (archive_id, seq)
);
-- They are compressed already.
ALTER TABLE agents.archive_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;
