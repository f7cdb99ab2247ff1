-- Commands that wait for the word of an operator, and those that an agent may run without asking again.
CREATE TABLE tools.exec_approvals (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  user_id varchar(255) NOT NULL,
  session_key text NOT NULL,
  command text NOT NULL,
  -- Absolute path; absent where it may be another program the next time.
  program text,
  arguments_hash char(64) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- Until when the process that waits has to say that it still does.
  waits_until timestamptz NOT NULL,
  decision varchar(20),
  decided_at timestamptz
);
CREATE INDEX exec_approvals_tenant_id_created_at_idx ON tools.exec_approvals (tenant_id, created_at) WHERE decision IS NULL;
CREATE INDEX exec_approvals_waits_until_idx ON tools.exec_approvals (waits_until) WHERE decision IS NULL;
CREATE INDEX exec_approvals_decided_at_idx ON tools.exec_approvals (decided_at) WHERE decision IS NOT NULL;

CREATE TABLE tools.exec_allowed (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  program text NOT NULL,
  arguments_hash char(64) NOT NULL,
  allowed_by varchar(255) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, agent_id, program, arguments_hash)
);
