CREATE TABLE tools.builtin_tools (
  name varchar(100) PRIMARY KEY,
  enabled boolean NOT NULL,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tools.builtin_tool_tenant_configs (
  tenant_id uuid NOT NULL,
  tool_name varchar(100) NOT NULL REFERENCES tools.builtin_tools (name) ON DELETE CASCADE,
  enabled boolean,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, tool_name)
);

CREATE TABLE tools.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz
);
