CREATE TABLE identity.pairing_requests (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES identity.tenants (id) ON DELETE CASCADE,
  code varchar(8) NOT NULL,
  sender_id varchar(200) NOT NULL,
  channel varchar(255) NOT NULL,
  chat_id varchar(200) NOT NULL DEFAULT '',
  account_id varchar(100) NOT NULL DEFAULT 'default',
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX pairing_requests_code_key ON identity.pairing_requests (code);
CREATE UNIQUE INDEX pairing_requests_tenant_id_sender_id_channel_key
  ON identity.pairing_requests (tenant_id, sender_id, channel);

CREATE TABLE identity.paired_devices (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES identity.tenants (id) ON DELETE CASCADE,
  sender_id varchar(200) NOT NULL,
  channel varchar(255) NOT NULL,
  chat_id varchar(200) NOT NULL DEFAULT '',
  paired_by varchar(100) NOT NULL,
  paired_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX paired_devices_tenant_id_sender_id_channel_key
  ON identity.paired_devices (tenant_id, sender_id, channel);
