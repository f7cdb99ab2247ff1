-- Subscriptions of tenants to their events (docs/adr/0041).
CREATE TABLE channels.webhooks (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  url text NOT NULL,
  description varchar(500) NOT NULL DEFAULT '',
  -- Types of events, of which `*` stands for any part.
  events text[] NOT NULL,
  -- Sealed, as is the one before, which signs too until it expires.
  secret text NOT NULL,
  previous_secret text,
  previous_secret_expires_at timestamptz,
  enabled boolean NOT NULL DEFAULT true,
  -- Why it was switched off by itself.
  disabled_reason text,
  -- Events from before are not sent.
  since timestamptz NOT NULL,
  -- Since when no delivery has succeeded; null while they do.
  failing_since timestamptz,
  created_by varchar(255) NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhooks_tenant_id_created_at_idx ON channels.webhooks (tenant_id, created_at, id);
CREATE INDEX webhooks_enabled_idx ON channels.webhooks (tenant_id) WHERE enabled;

-- Events on their way to webhooks. Jobs carry them; what a tenant sees of them is here.
CREATE TABLE channels.webhook_deliveries (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  webhook_id uuid NOT NULL REFERENCES channels.webhooks (id) ON DELETE CASCADE,
  event_id text NOT NULL,
  event_type text NOT NULL,
  event_time timestamptz NOT NULL,
  -- The CloudEvent, as it is sent.
  body text NOT NULL,
  -- pending, delivered or dead.
  state text NOT NULL DEFAULT 'pending',
  attempts integer NOT NULL DEFAULT 0,
  status integer,
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_attempt_at timestamptz,
  next_attempt_at timestamptz,
  -- When it was delivered, or died.
  ended_at timestamptz
);
CREATE UNIQUE INDEX webhook_deliveries_webhook_id_event_id_key ON channels.webhook_deliveries (webhook_id, event_id);
CREATE INDEX webhook_deliveries_webhook_id_created_at_idx ON channels.webhook_deliveries (webhook_id, created_at DESC, id);
CREATE INDEX webhook_deliveries_ended_at_idx ON channels.webhook_deliveries (state, ended_at) WHERE state <> 'pending';
CREATE INDEX webhook_deliveries_pending_idx ON channels.webhook_deliveries (created_at) WHERE state = 'pending';
