-- What root traces and their model calls used in an hour, added to in the transaction that stores them (docs/adr/0057).
-- Requests are in the hour of their trace, calls in that of their own start. Outlives the traces.
CREATE TABLE traces.usage_hours (
  tenant_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  -- Made of all that a row is about, which would be too long for an index.
  id uuid NOT NULL,
  -- What is absent is empty.
  agent_id uuid,
  user_id text NOT NULL,
  channel text NOT NULL,
  api_key_id text NOT NULL,
  tags text[] NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  -- Of requests, which are no provider's: provider and model are empty where there are any.
  requests bigint NOT NULL,
  errors bigint NOT NULL,
  tool_calls bigint NOT NULL,
  timed_requests bigint NOT NULL,
  duration_ms bigint NOT NULL,
  -- Totals of their traces, what tools cost included.
  request_input_tokens bigint NOT NULL,
  request_output_tokens bigint NOT NULL,
  request_cost numeric(20, 8) NOT NULL,
  -- Of model calls.
  calls bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost numeric(20, 8) NOT NULL,
  cache_read_tokens bigint NOT NULL,
  cache_create_tokens bigint NOT NULL,
  thinking_tokens bigint NOT NULL,
  PRIMARY KEY (tenant_id, hour, id)
) WITH (fillfactor = 70);
CREATE INDEX usage_hours_hour_idx ON traces.usage_hours (hour);

-- What of a trace stands in usage_hours: sums of its model calls by hour, provider and model. Null until it is counted; what
-- was there before this, or came of the release before, is counted by the service itself.
ALTER TABLE traces.traces ADD COLUMN call_sums jsonb, ADD COLUMN api_key_id text;
CREATE INDEX traces_uncounted_idx ON traces.traces (created_at) WHERE call_sums IS NULL;
