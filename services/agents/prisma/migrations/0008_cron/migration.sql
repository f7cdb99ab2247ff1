-- Work at set times (docs/adr/0025).
CREATE TABLE agents.cron_jobs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  -- The default agent does it where there is none.
  agent_id uuid REFERENCES agents.agents (id) ON DELETE CASCADE,
  user_id varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  enabled boolean NOT NULL,
  schedule jsonb NOT NULL,
  message text NOT NULL,
  delete_after_run boolean NOT NULL,
  stateless boolean NOT NULL,
  deliver boolean NOT NULL,
  deliver_channel varchar(100) NOT NULL,
  deliver_to varchar(255) NOT NULL,
  wake_heartbeat boolean NOT NULL,
  next_run_at timestamptz,
  -- Since when it is to run though its time has not come.
  asked_at timestamptz,
  -- Of the replica that runs it, until when it has to say that it still does.
  claim uuid,
  claimed_until timestamptz,
  -- Since when the work is on; a claim without it has done nothing yet.
  begun_at timestamptz,
  last_run_at timestamptz,
  last_status varchar(20),
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cron_jobs_tenant_id_created_at_idx ON agents.cron_jobs (tenant_id, created_at DESC);
CREATE INDEX cron_jobs_agent_id_idx ON agents.cron_jobs (agent_id);
CREATE INDEX cron_jobs_next_run_at_idx ON agents.cron_jobs (next_run_at) WHERE enabled AND claim IS NULL;
CREATE INDEX cron_jobs_asked_at_idx ON agents.cron_jobs (asked_at) WHERE asked_at IS NOT NULL AND claim IS NULL;
CREATE INDEX cron_jobs_claimed_until_idx ON agents.cron_jobs (claimed_until) WHERE claim IS NOT NULL;

CREATE TABLE agents.cron_runs (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  job_id uuid NOT NULL REFERENCES agents.cron_jobs (id) ON DELETE CASCADE,
  status varchar(20) NOT NULL,
  error text,
  summary text,
  duration_ms integer NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  ran_at timestamptz NOT NULL
);
CREATE INDEX cron_runs_job_id_ran_at_idx ON agents.cron_runs (job_id, ran_at DESC);
CREATE INDEX cron_runs_tenant_id_ran_at_idx ON agents.cron_runs (tenant_id, ran_at DESC);
