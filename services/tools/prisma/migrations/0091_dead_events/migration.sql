-- Events that a consumer of this service cannot handle (docs/adr/0017). The same text in every consuming service, but for
-- the schema; the code is the chassis'.
CREATE TABLE tools.dead_events (
  id uuid PRIMARY KEY,
  -- The consumer's durable position.
  consumer text NOT NULL,
  -- Null where the event does not say.
  tenant_id uuid,
  event_id text NOT NULL,
  event text NOT NULL,
  subject text NOT NULL,
  -- Null when it is too large to be kept.
  payload text,
  error text NOT NULL,
  deliveries integer NOT NULL,
  failed_at timestamptz NOT NULL DEFAULT now(),
  -- From when on the service may replay it; null until an operator asks.
  replay_at timestamptz,
  replayed_at timestamptz
);
CREATE UNIQUE INDEX dead_events_consumer_subject_event_id_key ON tools.dead_events (consumer, subject, event_id);
CREATE INDEX dead_events_tenant_id_replayed_at_idx ON tools.dead_events (tenant_id, replayed_at);
CREATE INDEX dead_events_consumer_replay_at_idx ON tools.dead_events (consumer, replay_at);
