/**
 * The run path: one statement to begin a run, one an iteration to append, one to end it. Plain SQL, as this is what a
 * chat turn waits for (docs/adr/0006); under load one statement begins or ends many runs.
 */
import { createBatcher, claimedByWriter, type BatcherOptions, type Database, type OutboxRow } from '@clawmesh/chassis'
import { storableJson } from '../domain/storable.ts'
import type { Message, MessageExtra, Usage } from '../domain/types.ts'
import { toMessage, type MessageRow } from './sessions.ts'

export interface NewRun {
  runId: string
  tenantId: string
  sessionKey: string
  agentId: string
  agentKey: string
  userId: string
  channel: string
  /** The user message that starts the turn. */
  message: string
  inputPreview: string
  leaseMs: number
}

/** A session as its run holds it. */
export interface HeldSession {
  sessionId: string
  agentId: string
  userId: string
  summary: string
  /** Number of the user message that began the turn. */
  seq: number
  firstSeq: number
}

export interface NewMessage {
  role: Message['role']
  content: string
  extra?: MessageExtra
}

export interface EndedRun {
  runId: string
  status: 'completed' | 'failed' | 'cancelled'
  error?: string
  messages: readonly NewMessage[]
  usage: Usage
  provider: string
  model: string
  outbox: readonly OutboxRow[]
}

export interface LostRun {
  id: string
  tenant_id: string
  session_key: string
  agent_id: string
  agent_key: string
  user_id: string
  channel: string
  input_preview: string
  started_at: Date
}

/** From so many runs on, a statement waits a moment to begin or end several: the database does less for each. */
const busyRuns = 8
const gatherMs = 2

const messagesOf = (messages: readonly NewMessage[]): string => storableJson(messages)

const insertMessages = `
  INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra)
  SELECT grown.tenant_id, grown.id, grown.from_seq + m.position - 1, grown.run_id,
    m.value->>'role', m.value->>'content', m.value->'extra'
  FROM grown, jsonb_array_elements(grown.messages) WITH ORDINALITY AS m(value, position)`

/** `$1`: an array of fresh runs. Gives the ids of those whose session did not exist yet. */
const beginFreshSql = `
  WITH input AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS i(id uuid, tenant_id uuid, session_key text, agent_id uuid,
      agent_key text, user_id text, channel text, message text, preview text, lease_seconds float8)
  ), session AS (
    INSERT INTO agents.sessions
      (id, tenant_id, session_key, agent_id, user_id, channel, next_seq, message_bytes, lease_run_id)
    SELECT id, tenant_id, session_key, agent_id, user_id, channel, 1, octet_length(message), id FROM input
    ON CONFLICT DO NOTHING
    RETURNING id
  ), run AS (
    INSERT INTO agents.runs
      (id, tenant_id, session_id, session_key, agent_id, agent_key, user_id, channel, input_preview, lease_until)
    SELECT id, tenant_id, id, session_key, agent_id, agent_key, user_id, channel, preview, now() + make_interval(secs => lease_seconds)
    FROM input JOIN session USING (id)
  ), message AS (
    INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content)
    SELECT tenant_id, id, 0, id, 'user', message FROM input JOIN session USING (id)
  )
  SELECT id FROM session`

/**
 * `$1`: an array of ended runs, `$2`: their outbox rows, `$3`: their ids. Gives the ids of those that were still running.
 * The array and IS TRUE lead the planner to the primary key: the index of running runs, which a kept plan from quieter
 * times would scan, holds every run that ended since the last vacuum.
 */
const endSql = `
  WITH input AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS i(id uuid, status text, error text, messages jsonb, bytes int,
      input_tokens bigint, output_tokens bigint, provider text, model text)
  ), mine AS (
    UPDATE agents.runs r SET status = input.status, error = input.error, ended_at = now()
    FROM input WHERE r.id = input.id AND r.id = ANY ($3::uuid[]) AND (r.status = 'running') IS TRUE
    RETURNING r.id, r.session_id
  ), grown AS (
    UPDATE agents.sessions s SET
      next_seq = s.next_seq + jsonb_array_length(input.messages),
      message_bytes = s.message_bytes + input.bytes,
      input_tokens = s.input_tokens + input.input_tokens,
      output_tokens = s.output_tokens + input.output_tokens,
      provider = CASE WHEN input.provider = '' THEN s.provider ELSE input.provider END,
      model = CASE WHEN input.model = '' THEN s.model ELSE input.model END,
      lease_run_id = NULL,
      updated_at = now()
    FROM mine JOIN input USING (id) WHERE s.id = mine.session_id
    RETURNING s.id, s.tenant_id, mine.id AS run_id, input.messages, s.next_seq - jsonb_array_length(input.messages) AS from_seq
  ), appended AS (${insertMessages}
  ), told AS (
    INSERT INTO agents.outbox (id, subject, payload, claimed_until)
    SELECT e.id, e.subject, e.payload, ${claimedByWriter}
    FROM mine JOIN jsonb_to_recordset($2::jsonb) AS e(run_id uuid, id uuid, subject text, payload text) ON e.run_id = mine.id
  )
  SELECT id FROM mine`

/**
 * Statements over runs. Those of one run work for its tenant; batches, leases and the search for lost runs are over all
 * tenants and go through the system scope, naming a run's unguessable id (docs/adr/0008).
 */
export const createRunRows = ({ forTenant, system }: Database, published: (rows: readonly OutboxRow[]) => void) => {
  /** Runs begun here and not ended yet. */
  const running = new Set<string>()
  const batches: BatcherOptions = {
    maxBatch: 64,
    // One commits while the next is gathered.
    concurrency: 2,
    gatherMs: () => (running.size >= busyRuns ? gatherMs : 0),
  }

  const beginFresh = createBatcher<NewRun, boolean>(async (runs) => {
    const input = runs.map((run) => ({
      id: run.runId,
      tenant_id: run.tenantId,
      session_key: run.sessionKey,
      agent_id: run.agentId,
      agent_key: run.agentKey,
      user_id: run.userId,
      channel: run.channel,
      message: run.message,
      preview: run.inputPreview,
      lease_seconds: run.leaseMs / 1000,
    }))
    const { rows } = await system.prepared<{ id: string }>('begin_fresh', beginFreshSql, [JSON.stringify(input)])
    const begun = new Set(rows.map(({ id }) => id))
    return runs.map(({ runId }) => begun.has(runId))
  }, batches)

  /** Takes a session that may exist: its row is made, or its lease taken when it is free. */
  const beginNamed = async (run: NewRun): Promise<HeldSession | undefined> => {
    const { rows } = await forTenant(run.tenantId).query<{
      id: string
      agent_id: string
      user_id: string
      summary: string
      next_seq: number
      first_seq: number
    }>(
      `WITH session AS (
         INSERT INTO agents.sessions AS s
           (id, tenant_id, session_key, agent_id, user_id, channel, next_seq, message_bytes, lease_run_id)
         VALUES ($1, $2, $3, $4, $5, $6, 1, octet_length($7::text), $1)
         ON CONFLICT (tenant_id, session_key) DO UPDATE SET
           lease_run_id = EXCLUDED.lease_run_id, next_seq = s.next_seq + 1,
           message_bytes = s.message_bytes + EXCLUDED.message_bytes, updated_at = now()
         WHERE s.lease_run_id IS NULL AND s.agent_id = EXCLUDED.agent_id
         RETURNING id, agent_id, user_id, summary, next_seq, first_seq
       ), run AS (
         INSERT INTO agents.runs
           (id, tenant_id, session_id, session_key, agent_id, agent_key, user_id, channel, input_preview, lease_until)
         SELECT $1, $2, session.id, $3, $4, $8, $5, $6, $9, now() + make_interval(secs => $10) FROM session
       ), message AS (
         INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content)
         SELECT $2, session.id, session.next_seq - 1, $1, 'user', $7 FROM session
       )
       SELECT * FROM session`,
      [
        run.runId,
        run.tenantId,
        run.sessionKey,
        run.agentId,
        run.userId,
        run.channel,
        run.message,
        run.agentKey,
        run.inputPreview,
        run.leaseMs / 1000,
      ],
    )
    const [row] = rows
    if (row === undefined) return undefined
    return {
      sessionId: row.id,
      agentId: row.agent_id,
      userId: row.user_id,
      summary: row.summary,
      seq: row.next_seq - 1,
      firstSeq: row.first_seq,
    }
  }

  const end = createBatcher<EndedRun, boolean>(async (runs) => {
    const input = runs.map(({ runId, status, error, messages, usage, provider, model }) => {
      const json = messagesOf(messages)
      return `{"id":"${runId}","status":"${status}","error":${JSON.stringify(error ?? null)},"messages":${json},"bytes":${json.length},"input_tokens":${usage.inputTokens},"output_tokens":${usage.outputTokens},"provider":${JSON.stringify(provider)},"model":${JSON.stringify(model)}}`
    })
    const events = runs.flatMap(({ runId, outbox }) => outbox.map((row) => ({ run_id: runId, ...row })))
    const { rows } = await system.prepared<{ id: string }>('end', endSql, [
      `[${input.join(',')}]`,
      JSON.stringify(events),
      runs.map(({ runId }) => runId),
    ])
    const ended = new Set(rows.map(({ id }) => id))
    published(runs.flatMap(({ runId, outbox }) => (ended.has(runId) ? outbox : [])))
    return runs.map(({ runId }) => ended.has(runId))
  }, batches)

  return {
    /** Begins a run in a session made up for it, which has the run's id. False when that exists already. */
    beginFresh: async (run: NewRun): Promise<boolean> => {
      running.add(run.runId)
      let begun = false
      try {
        begun = await beginFresh(run)
      } finally {
        if (!begun) running.delete(run.runId)
      }
      return begun
    },

    /** Begins a run and takes its session, made when new. `undefined` when another run holds the session. */
    begin: beginNamed,

    /**
     * Ends a run: its last messages, the session's counters, the release of the session and the events, in one
     * statement. False when another replica has declared it lost; nothing is written then.
     */
    end: (run: EndedRun): Promise<boolean> => end(run).finally(() => running.delete(run.runId)),

    /** Who a session belongs to, for telling "busy" from "not yours". */
    sessionOwner: async (
      tenantId: string,
      sessionKey: string,
    ): Promise<{ agentId: string; userId: string } | undefined> => {
      const { rows } = await forTenant(tenantId).query<{ agent_id: string; user_id: string }>(
        'SELECT agent_id, user_id FROM agents.sessions WHERE tenant_id = $1 AND session_key = $2',
        [tenantId, sessionKey],
      )
      const [row] = rows
      return row === undefined ? undefined : { agentId: row.agent_id, userId: row.user_id }
    },

    /** The messages of a held session before its current turn, the newest `limit` of them, oldest first. */
    history: async (tenantId: string, session: HeldSession, limit: number): Promise<Message[]> => {
      const { rows } = await forTenant(tenantId).query<MessageRow>(
        `SELECT role, content, extra, created_at FROM agents.messages
       WHERE session_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq DESC LIMIT $4`,
        [session.sessionId, session.firstSeq, session.seq, limit],
      )
      return rows.reverse().map(toMessage)
    },

    /** Appends the messages of one iteration. False when the run is no longer ours. */
    append: async (tenantId: string, runId: string, messages: readonly NewMessage[]): Promise<boolean> => {
      const { rowCount } = await forTenant(tenantId).query(
        `WITH grown AS (
         UPDATE agents.sessions s SET
           next_seq = s.next_seq + jsonb_array_length($2::jsonb),
           message_bytes = s.message_bytes + octet_length($2::text),
           updated_at = now()
         FROM agents.runs r WHERE r.id = $1 AND r.status = 'running' AND s.id = r.session_id
         RETURNING s.id, s.tenant_id, r.id AS run_id, $2::jsonb AS messages, s.next_seq - jsonb_array_length($2::jsonb) AS from_seq
       ), appended AS (${insertMessages})
       SELECT 1 FROM grown`,
        [runId, messagesOf(messages)],
      )
      return rowCount === 1
    },

    /** Renews the leases of runs that this replica works on. */
    renew: async (runIds: readonly string[], leaseMs: number): Promise<void> => {
      await system.query(
        `UPDATE agents.runs SET lease_until = now() + make_interval(secs => $2) WHERE id = ANY($1::uuid[]) AND status = 'running'`,
        [runIds, leaseMs / 1000],
      )
    },

    /** Runs whose replica has gone silent. */
    lost: async (limit: number): Promise<LostRun[]> => {
      const { rows } = await system.query<LostRun>(
        `SELECT id, tenant_id, session_key, agent_id, agent_key, user_id, channel, input_preview, started_at
       FROM agents.runs WHERE status = 'running' AND lease_until < now() ORDER BY lease_until LIMIT $1`,
        [limit],
      )
      return rows
    },
  }
}

export type RunRows = ReturnType<typeof createRunRows>
