CREATE TABLE agents.agents (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_key varchar(100) NOT NULL,
  display_name varchar(255) NOT NULL DEFAULT '',
  frontmatter text,
  owner_id varchar(255) NOT NULL,
  provider varchar(50) NOT NULL DEFAULT '',
  model varchar(200) NOT NULL DEFAULT '',
  context_window integer NOT NULL,
  max_tool_iterations integer NOT NULL,
  workspace text NOT NULL,
  agent_type varchar(20) NOT NULL,
  is_default boolean NOT NULL DEFAULT false,
  status varchar(20) NOT NULL,
  budget_monthly_cents integer,
  tools_config jsonb NOT NULL DEFAULT '{}',
  other_config jsonb NOT NULL DEFAULT '{}',
  sandbox_config jsonb,
  subagents_config jsonb,
  memory_config jsonb,
  compaction_config jsonb,
  context_pruning jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX agents_tenant_id_agent_key_key ON agents.agents (tenant_id, agent_key);
CREATE UNIQUE INDEX agents_one_default ON agents.agents (tenant_id) WHERE is_default;

CREATE TABLE agents.tenant_seeds (tenant_id uuid PRIMARY KEY);

CREATE TABLE agents.agent_shares (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL REFERENCES agents.agents (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  role varchar(20) NOT NULL DEFAULT 'user',
  granted_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX agent_shares_agent_id_user_id_key ON agents.agent_shares (agent_id, user_id);

CREATE TABLE agents.context_files (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL REFERENCES agents.agents (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  file_name varchar(255) NOT NULL,
  content text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (agent_id, user_id, file_name)
);

CREATE TABLE agents.sessions (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  session_key varchar(500) NOT NULL,
  agent_id uuid NOT NULL REFERENCES agents.agents (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL DEFAULT '',
  summary text NOT NULL DEFAULT '',
  model varchar(200) NOT NULL DEFAULT '',
  provider varchar(50) NOT NULL DEFAULT '',
  channel varchar(50) NOT NULL DEFAULT '',
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  compaction_count integer NOT NULL DEFAULT 0,
  label varchar(500) NOT NULL DEFAULT '',
  metadata jsonb NOT NULL DEFAULT '{}',
  next_seq integer NOT NULL DEFAULT 0,
  first_seq integer NOT NULL DEFAULT 0,
  message_bytes bigint NOT NULL DEFAULT 0,
  lease_run_id uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX sessions_tenant_id_session_key_key ON agents.sessions (tenant_id, session_key);
CREATE INDEX sessions_tenant_id_updated_at_idx ON agents.sessions (tenant_id, updated_at DESC);
CREATE INDEX sessions_agent_id_idx ON agents.sessions (agent_id);

-- A conversation is rows appended here: a turn costs the same at message 10 and at message 10,000.
CREATE TABLE agents.messages (
  tenant_id uuid NOT NULL,
  session_id uuid NOT NULL REFERENCES agents.sessions (id) ON DELETE CASCADE,
  seq integer NOT NULL,
  run_id uuid NOT NULL,
  role varchar(20) NOT NULL,
  content text NOT NULL,
  -- tool calls, tool call id, thinking and the like; null for plain text
  extra jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (session_id, seq)
);

CREATE TABLE agents.runs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  session_id uuid NOT NULL REFERENCES agents.sessions (id) ON DELETE CASCADE,
  session_key varchar(500) NOT NULL,
  agent_id uuid NOT NULL,
  agent_key varchar(100) NOT NULL,
  user_id varchar(255) NOT NULL,
  channel varchar(50) NOT NULL,
  status varchar(20) NOT NULL DEFAULT 'running',
  error text,
  input_preview text NOT NULL,
  -- Renewed by the replica that works on the run; once it is past, any replica may declare the run failed.
  lease_until timestamptz NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE INDEX runs_session_id_idx ON agents.runs (session_id);
CREATE INDEX runs_running_idx ON agents.runs (lease_until) WHERE status = 'running';

CREATE TABLE agents.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz
);
