-- What a model costs a tenant, where it is not what everybody pays: US dollars per million tokens, by `provider/model` or
-- model in lower case (docs/adr/0044).
CREATE TABLE traces.model_prices (
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  input_per_million numeric(14, 8) NOT NULL,
  output_per_million numeric(14, 8) NOT NULL,
  cache_read_per_million numeric(14, 8),
  cache_create_per_million numeric(14, 8),
  PRIMARY KEY (tenant_id, name)
);
