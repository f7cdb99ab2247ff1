-- Users sign in to MCP servers that are protected by OAuth.
-- A server has said that its users have to sign in.
ALTER TABLE tools.mcp_servers ADD COLUMN wants_sign_in boolean NOT NULL DEFAULT false;

-- As what we are known to the authorization server of an MCP server.
CREATE TABLE tools.mcp_oauth_clients (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  issuer text NOT NULL,
  redirect_uri text NOT NULL,
  -- Sealed JSON of what the registration answered.
  secrets text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (server_id, issuer)
);

-- A sign-in that waits for its answer; a user has one at a server.
CREATE TABLE tools.mcp_oauth_flows (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  state_hash char(64) NOT NULL,
  scope text NOT NULL,
  discovery jsonb NOT NULL,
  -- Sealed JSON of the verifier, the address to open and the client.
  secrets text NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (server_id, user_id)
);
CREATE INDEX mcp_oauth_flows_by_state ON tools.mcp_oauth_flows (tenant_id, state_hash);

-- The tokens of a user for a server.
CREATE TABLE tools.mcp_oauth_accounts (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL REFERENCES tools.mcp_servers (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  scope text NOT NULL,
  discovery jsonb NOT NULL,
  -- Sealed JSON of the tokens and the client.
  secrets text NOT NULL,
  -- Null where nobody knows.
  expires_at timestamptz,
  -- Grows with every token that is stored.
  version int NOT NULL DEFAULT 0,
  refresh_claimed_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (server_id, user_id)
);
