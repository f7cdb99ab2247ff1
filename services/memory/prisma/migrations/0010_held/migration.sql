-- How many documents, chunks, entities and relations agents had: by how much that changed in an hour, so that what there was at a time is
-- the sum of all before it.
CREATE TABLE memory.held_changes (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  documents integer NOT NULL,
  chunks integer NOT NULL,
  entities integer NOT NULL,
  relations integer NOT NULL,
  PRIMARY KEY (tenant_id, agent_id, hour)
);
