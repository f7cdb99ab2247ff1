-- How often agents look after their checklists by themselves, and what came of it (docs/adr/0025).
CREATE TABLE agents.agent_heartbeats (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL UNIQUE REFERENCES agents.agents (id) ON DELETE CASCADE,
  -- Who has set it; its turns are his.
  user_id varchar(255) NOT NULL,
  enabled boolean NOT NULL,
  interval_sec integer NOT NULL,
  prompt text NOT NULL,
  provider_name varchar(50) NOT NULL,
  model varchar(200) NOT NULL,
  isolated_session boolean NOT NULL,
  light_context boolean NOT NULL,
  ack_max_chars integer NOT NULL,
  max_retries integer NOT NULL,
  active_hours_start varchar(5) NOT NULL,
  active_hours_end varchar(5) NOT NULL,
  timezone varchar(50) NOT NULL,
  channel varchar(100) NOT NULL,
  chat_id varchar(255) NOT NULL,
  next_run_at timestamptz,
  -- Not before this time, as the agent was busy.
  retry_at timestamptz,
  -- Since when it is to run though its time has not come, and who wants that: test or wake.
  asked_at timestamptz,
  asked varchar(10),
  -- As with agents.cron_jobs.
  claim uuid,
  claimed_until timestamptz,
  begun_at timestamptz,
  last_run_at timestamptz,
  last_status varchar(20),
  last_error text,
  run_count integer NOT NULL DEFAULT 0,
  suppress_count integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agent_heartbeats_next_run_at_idx ON agents.agent_heartbeats (next_run_at) WHERE enabled AND claim IS NULL;
CREATE INDEX agent_heartbeats_asked_at_idx ON agents.agent_heartbeats (asked_at) WHERE asked_at IS NOT NULL AND claim IS NULL;
CREATE INDEX agent_heartbeats_claimed_until_idx ON agents.agent_heartbeats (claimed_until) WHERE claim IS NOT NULL;

CREATE TABLE agents.heartbeat_runs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  heartbeat_id uuid NOT NULL REFERENCES agents.agent_heartbeats (id) ON DELETE CASCADE,
  agent_id uuid NOT NULL,
  status varchar(20) NOT NULL,
  summary text,
  error text,
  skip_reason varchar(20),
  duration_ms integer NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  ran_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX heartbeat_runs_heartbeat_id_ran_at_idx ON agents.heartbeat_runs (heartbeat_id, ran_at DESC);
