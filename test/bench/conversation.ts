/** What a turn costs at message 10 of a conversation, and at message 10,000. */
import pg from 'pg'
import { apiOf } from '../support/mesh-api.ts'
import { startAll } from '../support/mesh-all.ts'
import { addBenchProvider } from './provider.ts'
import { printTurns } from './percentile.ts'

interface Parts {
  databaseUrl: string
  upstreamOrigin: string
  env: Record<string, string>
}

const turnsEach = 60
const token = 'the gateway token of the benchmark'
/** Conversations by how many messages they have, and how many of them the model is shown. */
const kinds = [
  { name: 'at message 10', messages: 10, shown: 10 },
  { name: 'at message 10,000, summarised', messages: 10_000, shown: 10 },
  { name: 'at message 10,000, the most before a summary', messages: 10_000, shown: 800 },
]
const summary = 'They talked about many things. '.repeat(60)

/** Gives a session the messages before its last turn. */
const lengthen = async (client: pg.Client, sessionKey: string, messages: number, shown: number): Promise<void> => {
  await client.query('BEGIN')
  await client.query('SET LOCAL ROLE clawmesh_system')
  await client.query(
    `WITH session AS (
       UPDATE agents.sessions SET next_seq = next_seq + $2, window_seq = next_seq + $2::int - $3::int, summary = $4
       WHERE session_key = $1 RETURNING id, tenant_id, next_seq - $2::int AS from_seq
     )
     INSERT INTO agents.messages (tenant_id, session_id, seq, run_id, role, content)
     SELECT tenant_id, id, from_seq + n, id, CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END,
       'Message ' || n || ' says what people say in about as many words as they do. '
     FROM session, generate_series(0, $2::int - 1) AS n`,
    [sessionKey, messages, shown, messages === shown ? '' : summary],
  )
  await client.query('COMMIT')
}

/** Measures over one process, a turn of each kind after the other, each in a conversation of its own. */
export const conversationBench = async ({ databaseUrl, upstreamOrigin, env }: Parts): Promise<void> => {
  const all = await startAll({ env: { ...env, DATABASE_URL: databaseUrl, GOCLAW_GATEWAY_TOKEN: token } })
  const client = new pg.Client({ connectionString: databaseUrl })
  try {
    await client.connect()
    const api = apiOf({ url: all.url, token, userId: 'system' })
    await addBenchProvider(api, upstreamOrigin)
    await api.need('POST', '/v1/agents', { agent_key: 'talker', provider: 'bench', model: 'bench' })
    const turn = async (sessionKey: string): Promise<number> => {
      const startedAt = performance.now()
      await api.need('POST', '/v1/agents/talker/wake', { message: 'And then?', session_key: sessionKey })
      return performance.now() - startedAt
    }
    const keyOf = (kind: number, at: number) => `agent:talker:bench-${kind}-${at}`
    for (const [kind, { messages, shown }] of kinds.entries())
      for (let at = 0; at < turnsEach; at++) {
        await turn(keyOf(kind, at))
        await lengthen(client, keyOf(kind, at), messages - 2, shown - 2)
      }
    await client.query('ANALYZE agents.messages').catch(() => undefined)
    const times = kinds.map((): number[] => [])
    for (let at = 0; at < turnsEach; at++)
      for (const kind of kinds.keys()) times[kind]!.push(await turn(keyOf(kind, at)))
    printTurns(
      `a turn, 1 at a time, ${turnsEach} conversations each`,
      new Map(kinds.map(({ name }, kind) => [name, times[kind]!])),
    )
  } finally {
    await client.end()
    await all.stop()
  }
}
