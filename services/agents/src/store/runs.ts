/**
 * The run path: one statement to begin a run, one an iteration to append, one to end it. Plain SQL, as this is what a
 * chat turn waits for (docs/adr/0006).
 */
import type { Database, OutboxRow } from '@clawmesh/chassis'
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
  /** Refuse a session that exists already: its name was made up for this run. */
  fresh: boolean
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

/**
 * CTEs that append the messages of run `$1`, a JSON array in `$2`, to the session that `mine` names, and set more of
 * the session's columns on the way.
 */
const appendMessages = (alsoSet = ''): string => `
  grown AS (
    UPDATE agents.sessions s SET
      next_seq = s.next_seq + jsonb_array_length($2::jsonb),
      message_bytes = s.message_bytes + octet_length($2::text),
      ${alsoSet}
      updated_at = now()
    FROM mine WHERE s.id = mine.session_id
    RETURNING s.id, s.next_seq - jsonb_array_length($2::jsonb) AS from_seq, s.tenant_id
  ), appended AS (
    INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content, extra)
    SELECT grown.tenant_id, grown.id, grown.from_seq + m.position - 1, $1, m.value->>'role', m.value->>'content', m.value->'extra'
    FROM grown, jsonb_array_elements($2::jsonb) WITH ORDINALITY AS m(value, position)
  )`

const wire = (messages: readonly NewMessage[]): string => storableJson(messages)

/** Statements over runs, of every tenant: each names the tenant or a run's unguessable id. */
export const runRows = ({ pool }: Database) => ({
  /**
   * Begins a run and takes its session, made when new. `undefined` when another run holds the session, or when a fresh
   * one exists already.
   */
  begin: async (run: NewRun): Promise<HeldSession | undefined> => {
    const onConflict = run.fresh
      ? 'DO NOTHING'
      : `(tenant_id, session_key) DO UPDATE SET lease_run_id = EXCLUDED.lease_run_id, next_seq = s.next_seq + 1,
           message_bytes = s.message_bytes + EXCLUDED.message_bytes, updated_at = now()
         WHERE s.lease_run_id IS NULL AND s.agent_id = EXCLUDED.agent_id`
    const { rows } = await pool.query<{
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
         ON CONFLICT ${onConflict}
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
  },

  /** Who a session belongs to, for telling "busy" from "not yours". */
  sessionOwner: async (
    tenantId: string,
    sessionKey: string,
  ): Promise<{ agentId: string; userId: string } | undefined> => {
    const { rows } = await pool.query<{ agent_id: string; user_id: string }>(
      'SELECT agent_id, user_id FROM agents.sessions WHERE tenant_id = $1 AND session_key = $2',
      [tenantId, sessionKey],
    )
    const [row] = rows
    return row === undefined ? undefined : { agentId: row.agent_id, userId: row.user_id }
  },

  /** The messages of a held session before its current turn, the newest `limit` of them, oldest first. */
  history: async (session: HeldSession, limit: number): Promise<Message[]> => {
    const { rows } = await pool.query<MessageRow>(
      `SELECT role, content, extra, created_at FROM agents.messages
       WHERE session_id = $1 AND seq >= $2 AND seq < $3 ORDER BY seq DESC LIMIT $4`,
      [session.sessionId, session.firstSeq, session.seq, limit],
    )
    return rows.reverse().map(toMessage)
  },

  /** Appends the messages of one iteration. False when the run is no longer ours. */
  append: async (runId: string, messages: readonly NewMessage[]): Promise<boolean> => {
    const { rowCount } = await pool.query(
      `WITH mine AS (SELECT session_id FROM agents.runs WHERE id = $1 AND status = 'running'),
       ${appendMessages()}
       SELECT 1 FROM grown`,
      [runId, wire(messages)],
    )
    return rowCount === 1
  },

  /**
   * Ends a run: its last messages, the session's counters, the release of the session and the events, in one statement.
   * False when another replica has declared it lost; nothing is written then.
   */
  end: async (run: EndedRun): Promise<boolean> => {
    const { rowCount } = await pool.query(
      `WITH mine AS (
         UPDATE agents.runs SET status = $3, error = $4, ended_at = now() WHERE id = $1 AND status = 'running'
         RETURNING session_id
       ), ${appendMessages(`
         input_tokens = s.input_tokens + $5,
         output_tokens = s.output_tokens + $6,
         provider = CASE WHEN $7 = '' THEN s.provider ELSE $7 END,
         model = CASE WHEN $8 = '' THEN s.model ELSE $8 END,
         lease_run_id = NULL,`)}, told AS (
         INSERT INTO agents.outbox (id, subject, payload)
         SELECT e.id, e.subject, e.payload FROM mine, unnest($9::uuid[], $10::text[], $11::text[]) AS e(id, subject, payload)
       )
       SELECT 1 FROM mine`,
      [
        run.runId,
        wire(run.messages),
        run.status,
        run.error ?? null,
        run.usage.inputTokens,
        run.usage.outputTokens,
        run.provider,
        run.model,
        run.outbox.map(({ id }) => id),
        run.outbox.map(({ subject }) => subject),
        run.outbox.map(({ payload }) => payload),
      ],
    )
    return rowCount === 1
  },

  /** Renews the leases of runs that this replica works on. */
  renew: async (runIds: readonly string[], leaseMs: number): Promise<void> => {
    await pool.query(
      `UPDATE agents.runs SET lease_until = now() + make_interval(secs => $2) WHERE id = ANY($1::uuid[]) AND status = 'running'`,
      [runIds, leaseMs / 1000],
    )
  },

  /** Runs whose replica has gone silent. */
  lost: async (limit: number): Promise<LostRun[]> => {
    const { rows } = await pool.query<LostRun>(
      `SELECT id, tenant_id, session_key, agent_id, agent_key, user_id, channel, input_preview, started_at
       FROM agents.runs WHERE status = 'running' AND lease_until < now() ORDER BY lease_until LIMIT $1`,
      [limit],
    )
    return rows
  },
})

export type RunRows = ReturnType<typeof runRows>
