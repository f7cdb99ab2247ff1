-- What may be used in a day or month (docs/adr/0027). An empty subject is each of its scope.
CREATE TABLE traces.usage_caps (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  scope text NOT NULL,
  subject text NOT NULL,
  metric text NOT NULL,
  period text NOT NULL,
  amount numeric(24, 8) NOT NULL,
  mode text NOT NULL,
  unknown_prices text NOT NULL,
  enabled boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

-- What one subject of a cap has used in a period: settled by ended calls, reserved by those under way.
CREATE TABLE traces.usage_counters (
  tenant_id uuid NOT NULL,
  cap_id uuid NOT NULL,
  subject text NOT NULL,
  period_start date NOT NULL,
  settled numeric(24, 8) NOT NULL DEFAULT 0,
  reserved numeric(24, 8) NOT NULL DEFAULT 0,
  -- The highest of 50, 80 and 100 % that was told of.
  told integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, cap_id, subject, period_start),
  FOREIGN KEY (tenant_id, cap_id) REFERENCES traces.usage_caps (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX usage_counters_period_start_idx ON traces.usage_counters (period_start);

-- A model call under way. One whose process died is counted as used when its time is over, and kept for a while, in case
-- that it ends after all.
CREATE TABLE traces.usage_reservations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  expired boolean NOT NULL DEFAULT false,
  -- What it holds of which counter: [{cap_id, subject, period_start, metric, held}].
  holds jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX usage_reservations_expires_at_idx ON traces.usage_reservations (expired, expires_at);

CREATE TABLE traces.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz,
  tenant_id uuid DEFAULT nullif(current_setting('clawmesh.tenant_id', true), '')::uuid
);
