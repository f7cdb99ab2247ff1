-- Where the files of messages stand, so that an id leads to its file, and a session or an agent to all of theirs, without
-- a look into every folder. Files of earlier releases are noted when one of their tenant is first asked for in vain.
CREATE TABLE tools.media_files (
  tenant_id uuid NOT NULL,
  -- The file's name up to its first dot.
  id text NOT NULL,
  name text NOT NULL,
  -- Below `.media`; null for an upload that no session has kept.
  folder text,
  -- What of the folder's name stands for its agent and its session.
  agent_hash text,
  session_hash text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX media_files_tenant_id_session_hash_idx ON tools.media_files (tenant_id, session_hash);
CREATE INDEX media_files_tenant_id_agent_hash_idx ON tools.media_files (tenant_id, agent_hash);
