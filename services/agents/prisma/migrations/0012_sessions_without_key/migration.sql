-- The key made every run that begins lock the row of its agent. What it held is held by those who write (docs/adr/0026).
ALTER TABLE agents.sessions DROP CONSTRAINT sessions_agent_id_fkey;
