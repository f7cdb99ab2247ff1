-- What a run has shown of the answer that is not stored yet, so that it survives the process. Worth nothing once the run
-- has ended, so it needs no log of its own.
CREATE UNLOGGED TABLE agents.run_texts (
  run_id uuid NOT NULL REFERENCES agents.runs (id) ON DELETE CASCADE,
  tenant_id uuid NOT NULL,
  -- number of the model call that said it, from 1
  iteration integer NOT NULL,
  position integer NOT NULL,
  content text NOT NULL,
  PRIMARY KEY (run_id, position)
);
