-- Which replica runs an instance, and until when unless it says so again. One replica polls an account, not each.
CREATE TABLE channels.instance_leases (
  instance_id uuid PRIMARY KEY REFERENCES channels.channel_instances (id) ON DELETE CASCADE,
  tenant_id uuid NOT NULL,
  holder text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX instance_leases_holder_idx ON channels.instance_leases (holder);
