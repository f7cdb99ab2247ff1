-- What of the installation's configuration was changed while it ran; one row, without secrets.
CREATE TABLE identity.stored_config (
  id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  config jsonb NOT NULL,
  revision integer NOT NULL
);
INSERT INTO identity.stored_config (config, revision) VALUES ('{}', 0);
