CREATE TABLE tools.custom_tools (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  name varchar(100) NOT NULL,
  description text NOT NULL DEFAULT '',
  parameters jsonb NOT NULL DEFAULT '{}',
  command text NOT NULL,
  working_dir text NOT NULL DEFAULT '',
  timeout_seconds int NOT NULL DEFAULT 60,
  -- Sealed JSON of variables by name; the names stand beside it.
  encrypted_env text,
  env_keys text[] NOT NULL DEFAULT '{}',
  agent_id uuid,
  enabled boolean NOT NULL DEFAULT true,
  created_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX custom_tools_once
  ON tools.custom_tools (tenant_id, name, COALESCE(agent_id, '00000000-0000-0000-0000-000000000000'));
