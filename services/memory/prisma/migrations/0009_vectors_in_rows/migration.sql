-- The release before lives with this: where a row lies and what the planner expects change no answer.

-- A row over 2 KB had its vector in another table, pages further, and getting at it was most of what a search took. Rows that fit a
-- page stay whole; what is stored already moves when it is written next.
ALTER TABLE memory.chunks SET (toast_tuple_target = 8160);

-- Agents and users belong to tenants: taken for independent, a user's rows were expected to be ten times as many as they are, and an
-- index over the vectors of all was looked through where the user's own are quicker to compare.
CREATE STATISTICS memory.chunks_owner_stats (dependencies, ndistinct, mcv) ON tenant_id, agent_id, user_id FROM memory.chunks;
