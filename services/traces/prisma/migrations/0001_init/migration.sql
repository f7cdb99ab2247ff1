-- Traces and spans live in one partition a day of created_at, so that old ones are dropped instead of deleted row by row.
-- The service makes and drops the days (src/store/partitions.ts); a row of a day that has none goes to the default
-- partition. Spans carry the created_at of their trace and so share its day. Texts have no length limit here: one that is
-- too long must not fail the batch it came in; the domain clips them.
CREATE TABLE traces.traces (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  parent_trace_id uuid,
  agent_id uuid,
  user_id text,
  session_key text,
  run_id text,
  start_time timestamptz NOT NULL,
  end_time timestamptz,
  duration_ms integer,
  name text,
  channel text,
  input_preview text,
  output_preview text,
  total_input_tokens integer NOT NULL,
  total_output_tokens integer NOT NULL,
  total_cost numeric(20, 8) NOT NULL,
  span_count integer NOT NULL,
  llm_call_count integer NOT NULL,
  tool_call_count integer NOT NULL,
  status text NOT NULL,
  error text,
  metadata jsonb,
  tags text[] NOT NULL,
  -- Time of the event that told of it last; an older one changes nothing any more.
  recorded_at timestamptz NOT NULL,
  -- How often it was told of again.
  revision integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX traces_tenant_id_created_at_idx ON traces.traces (tenant_id, created_at DESC, id DESC);
CREATE INDEX traces_tenant_id_user_id_created_at_idx ON traces.traces (tenant_id, user_id, created_at DESC, id DESC);
CREATE INDEX traces_tenant_id_agent_id_created_at_idx ON traces.traces (tenant_id, agent_id, created_at DESC, id DESC);
CREATE INDEX traces_tenant_id_session_key_created_at_idx
  ON traces.traces (tenant_id, session_key, created_at DESC, id DESC);
CREATE TABLE traces.traces_default PARTITION OF traces.traces DEFAULT;

CREATE TABLE traces.spans (
  tenant_id uuid NOT NULL,
  trace_id uuid NOT NULL,
  id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  parent_span_id uuid,
  agent_id uuid,
  span_type text NOT NULL,
  name text,
  start_time timestamptz NOT NULL,
  end_time timestamptz,
  duration_ms integer,
  status text NOT NULL,
  error text,
  level text NOT NULL,
  model text,
  provider text,
  input_tokens integer,
  output_tokens integer,
  total_cost numeric(20, 8),
  finish_reason text,
  model_params jsonb,
  tool_name text,
  tool_call_id text,
  input_preview text,
  output_preview text,
  metadata jsonb,
  PRIMARY KEY (tenant_id, trace_id, id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE traces.spans_default PARTITION OF traces.spans DEFAULT;

-- What root traces of an agent cost in a UTC month. Outlives the traces themselves.
CREATE TABLE traces.agent_costs_monthly (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  month date NOT NULL,
  cost_usd numeric(20, 8) NOT NULL,
  PRIMARY KEY (tenant_id, agent_id, month)
);
