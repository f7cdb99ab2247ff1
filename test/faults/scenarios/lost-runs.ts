/** Kills of an agents process in the middle of a run, and what its peers make of it. */
import type { EventData } from '@clawmesh/contracts'
import { cloudEvent, eventType } from '@clawmesh/contracts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import pg from 'pg'
import { eventually } from '../../support/eventually.ts'
import { sessionOf, tracesOf, type SessionMessage, type TraceRow } from '../../support/mesh-api.ts'
import type { Script } from '../../fakes/http-fake.ts'
import type { Mesh } from '../../support/mesh-processes.ts'

export interface LostRun {
  /** What the client of the run got: a status, or `cut` for a stream that broke. */
  client: number | 'cut' | 'complete'
  /** Milliseconds from the kill until the run was recorded as failed. */
  failedAfterMs: number
  /** Milliseconds from the kill until the next message of the session was answered by the other replica. */
  usableAfterMs: number
  /** Whether the upstream request of the dead run was given up before that. */
  upstreamReleased: boolean
  messages: SessionMessage[]
  traces: TraceRow[]
}

/** Where a run is when its process dies. */
export type Moment = 'while the model is silent' | 'after a tool call' | 'in the middle of a stream'

/** Sends the message that will not be answered, through the edge whose replica is going to die. */
const ask = async (
  mesh: Mesh,
  session: string,
  streams: boolean,
  heard: (text: string) => void,
): Promise<LostRun['client']> => {
  const { url, headers } = mesh.api(0)
  const [path, body] = streams
    ? ['/v1/chat/completions', { model: 'goclaw:default', stream: true, messages: [{ role: 'user', content: 'one' }] }]
    : ['/v1/agents/default/wake', { message: 'one', session_key: session }]
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  let text = ''
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) heard((text += piece))
  } catch {
    return 'cut'
  }
  return response.ok ? (text.includes('[DONE]') || !streams ? 'complete' : 'cut') : response.status
}

const scripts: Record<Moment, readonly Script[]> = {
  'while the model is silent': [{ fault: 'silence' }],
  'after a tool call': [{ toolCalls: [{ name: 'list_files', arguments: '{}' }] }, { fault: 'silence' }],
  'in the middle of a stream': [{ text: 'a story that nobody will hear to its end', fault: 'stall' }],
}

/** The session of the run that upstream was asked for last, which the database alone knows for streamed completions. */
const runningSession = async (databaseUrl: string): Promise<string | undefined> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ session_key: string }>(
      `SELECT session_key FROM agents.runs WHERE status = 'running' ORDER BY started_at DESC LIMIT 1`,
    )
    return rows[0]?.session_key
  } finally {
    await client.end()
  }
}

/**
 * Starts a run on `agents-1`, kills that process at a moment, and looks through the other edge at what happens then. The
 * mesh has two edges pinned to two agents replicas; the dead one is started again at the end.
 */
export const loseRun = async (mesh: Mesh, moment: Moment): Promise<LostRun> => {
  const script = [...scripts[moment]]
  const streams = moment === 'in the middle of a stream'
  const before = mesh.upstream.requests.length
  mesh.upstream.next(...script)
  let upstreamReleased = false
  void mesh.upstream.hangUp().then(() => (upstreamReleased = true))
  let heard = ''
  const asked = ask(mesh, `agent:default:lost-${before}`, streams, (text) => (heard = text))
  await eventually('the model call', async () => mesh.upstream.requests.length >= before + script.length)
  if (streams) await eventually('the first piece', async () => /"content":"[^"]/.test(heard))
  const session = await eventually('the run', () => runningSession(mesh.databaseUrl))

  await mesh.kill('agents-1')
  const killedAt = performance.now()
  const other = mesh.api(1)
  const again = other
    .need<{ content: string }>('POST', '/v1/agents/default/wake', { message: 'two', session_key: session })
    .then(() => performance.now() - killedAt)
  await eventually('the failed run', async () => (await tracesOf(other, session)).some((t) => t.status === 'error'))
  const failedAfterMs = performance.now() - killedAt
  const usableAfterMs = await again
  const traces = await eventually('both traces', async () => {
    const found = await tracesOf(other, session)
    return found.length >= 2 && found
  })
  const { messages } = await sessionOf(other, session)
  const client = await asked
  await mesh.restart('agents-1')
  return { client, failedAfterMs, usableAfterMs, upstreamReleased, messages, traces }
}

export interface Delivered {
  /** `runEnded` events by run: each holds the ids of its events. */
  finished: Map<string, { eventIds: Set<string>; statuses: Set<string> }>
  leftInOutbox: number
}

/** All that the stream holds of ended runs, and what agents have not published yet. */
export const deliveredRuns = async (mesh: Mesh): Promise<Delivered> => {
  const database = new pg.Client({ connectionString: mesh.databaseUrl })
  const connection = await connect({ servers: mesh.natsUrl })
  await database.connect()
  try {
    const countOutbox = async () =>
      Number((await database.query<{ count: number }>('SELECT count(*) FROM agents.outbox')).rows[0]!.count)
    await eventually('an empty outbox', async () => (await countOutbox()) === 0).catch(() => undefined)
    const finished: Delivered['finished'] = new Map()
    const { state } = await (await jetstreamManager(connection)).streams.info('MESH_EVENTS')
    const consumer = await jetstream(connection).consumers.get('MESH_EVENTS', {
      filter_subjects: 'mesh.events.*.agents.run.ended',
    })
    const { num_pending: pending } = await consumer.info()
    if (state.messages > 0 && pending > 0)
      for await (const message of await consumer.fetch({ max_messages: pending, expires: 30_000 }))
        for (const event of [message.json()].flat().map((each) => cloudEvent.parse(each))) {
          if (event.type !== eventType('runEnded')) continue
          const { runId, status } = event.data as EventData<'runEnded'>
          const entry = finished.get(runId) ?? { eventIds: new Set(), statuses: new Set() }
          finished.set(runId, entry)
          entry.eventIds.add(event.id)
          entry.statuses.add(status)
        }
    return { finished, leftInOutbox: await countOutbox() }
  } finally {
    await connection.close()
    await database.end()
  }
}
