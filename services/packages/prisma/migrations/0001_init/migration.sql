-- The last probe of each replica's machine. It belongs to no tenant: a machine serves them all.
CREATE TABLE packages.runtime_probes (
  host varchar(255) NOT NULL,
  name varchar(50) NOT NULL,
  available boolean NOT NULL,
  version varchar(100),
  checked_at timestamptz NOT NULL,
  PRIMARY KEY (host, name)
);
CREATE INDEX runtime_probes_checked_at_idx ON packages.runtime_probes (checked_at);

CREATE TABLE packages.outbox (
  id uuid PRIMARY KEY,
  subject text NOT NULL,
  payload text NOT NULL,
  claimed_until timestamptz
);
