CREATE TABLE tools.secure_cli_binaries (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  binary_name varchar(100) NOT NULL,
  binary_path text,
  description text NOT NULL DEFAULT '',
  -- Sealed JSON of variables by name; the names stand beside it.
  encrypted_env text,
  env_keys text[] NOT NULL DEFAULT '{}',
  deny_args text[] NOT NULL DEFAULT '{}',
  deny_verbose text[] NOT NULL DEFAULT '{}',
  timeout_seconds int NOT NULL DEFAULT 30,
  tips text NOT NULL DEFAULT '',
  agent_id uuid,
  enabled boolean NOT NULL DEFAULT true,
  created_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX secure_cli_binaries_once
  ON tools.secure_cli_binaries (tenant_id, binary_name, COALESCE(agent_id, '00000000-0000-0000-0000-000000000000'));

CREATE TABLE tools.secure_cli_user_credentials (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  binary_id uuid NOT NULL REFERENCES tools.secure_cli_binaries (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  encrypted_env text,
  env_keys text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (binary_id, user_id)
);
