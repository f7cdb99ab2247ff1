CREATE TABLE tools.mcp_servers (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  name varchar(255) NOT NULL,
  display_name varchar(255) NOT NULL DEFAULT '',
  transport varchar(50) NOT NULL,
  command text NOT NULL DEFAULT '',
  args text[] NOT NULL DEFAULT '{}',
  url text NOT NULL DEFAULT '',
  -- Sealed JSON of API key, headers and environment; what it holds is known by name beside it.
  secrets text,
  has_api_key boolean NOT NULL DEFAULT false,
  header_names text[] NOT NULL DEFAULT '{}',
  env_names text[] NOT NULL DEFAULT '{}',
  tool_prefix varchar(50) NOT NULL DEFAULT '',
  timeout_sec int NOT NULL DEFAULT 60,
  settings jsonb NOT NULL DEFAULT '{}',
  enabled boolean NOT NULL DEFAULT true,
  -- Connections of an older one are not used any more.
  connection_version int NOT NULL DEFAULT 0,
  created_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, name)
);

CREATE TABLE tools.mcp_agent_grants (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  tool_allow text[] NOT NULL DEFAULT '{}',
  tool_deny text[] NOT NULL DEFAULT '{}',
  config_overrides jsonb NOT NULL DEFAULT '{}',
  granted_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (server_id, agent_id)
);
CREATE INDEX mcp_agent_grants_of_agent ON tools.mcp_agent_grants (tenant_id, agent_id);

CREATE TABLE tools.mcp_user_grants (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  tool_allow text[] NOT NULL DEFAULT '{}',
  tool_deny text[] NOT NULL DEFAULT '{}',
  granted_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (server_id, user_id)
);

CREATE TABLE tools.mcp_access_requests (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  agent_id uuid,
  user_id varchar(255),
  scope varchar(10) NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'pending',
  reason text NOT NULL DEFAULT '',
  -- Null where all tools are asked for.
  tool_allow jsonb,
  requested_by varchar(255) NOT NULL DEFAULT '',
  reviewed_by varchar(255),
  reviewed_at timestamptz,
  review_note text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mcp_access_requests_by_status ON tools.mcp_access_requests (tenant_id, status, created_at);
CREATE INDEX mcp_access_requests_of_server ON tools.mcp_access_requests (server_id);

CREATE TABLE tools.mcp_user_credentials (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  secrets text NOT NULL,
  has_api_key boolean NOT NULL,
  has_headers boolean NOT NULL,
  has_env boolean NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (server_id, user_id)
);
