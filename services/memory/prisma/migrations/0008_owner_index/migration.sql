-- A search reads the chunks of the agent and of one user: without the owner in the index it read those of all users, and of a
-- large agent whole tables. The index before it is a part of this one.
CREATE INDEX chunks_owner_idx ON memory.chunks (tenant_id, agent_id, user_id, embedding_model, dims);
DROP INDEX memory.chunks_agent_idx;
