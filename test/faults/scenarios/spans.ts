/**
 * Spans in at a steady rate while the process that takes them in is killed: nothing is lost, nothing counts twice, what is known
 * of usage equals a recount, and memory stays where it is.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectNatsBus, createLogger, newId } from '@clawmesh/chassis'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import pg from 'pg'
import { makeSpan, pricedCall, reportOf, rowOf, type RecordedSpan } from '../../../services/traces/test/support.ts'
import { usageAndRecount } from '../../../services/traces/test/usage-recount.ts'
import { eventually } from '../../support/eventually.ts'
import { reservePort } from '../../support/mesh-ports.ts'
import { startClawmesh, waitUntilReady, type MeshProcess } from '../../support/mesh-process.ts'
import { createMigratedDatabase } from '../../support/migrated-database.ts'
import { startNats } from '../../support/nats.ts'

export interface SpanLoadOptions {
  seconds: number
  spansPerSecond: number
}

export interface SpanLoadOutcome {
  runs: number
  spans: number
  /** Runs and spans that are not there in the end. */
  lost: number
  /** Spans that are there more often than they were told of, and calls that count more often. */
  doubled: number
  usageEqualsRecount: boolean
  killed: boolean
  /** Seconds from the first event to the last one's acknowledgement, and on until all was stored. */
  publishSeconds: number
  drainSeconds: number
  /** The most memory that either process has had, MiB. */
  peakMiB: number
}

/** Every so many runs are told of twice, as a run is that two replicas took for lost. */
const toldTwice = 10
const ticksPerSecond = 10
/** A busy machine stores less in a second than comes; what is asked is that it does store all. */
const drainLimitMs = 8 * 60_000
const tenants = Array.from({ length: 5 }, newId)
const agents = Array.from({ length: 3 }, newId)

/** A run as agents report it: a root, and calls of models and tools in turn. */
const spansPerRun = 10
const runOf = (number: number) => {
  const root = newId()
  const calls = Array.from({ length: spansPerRun - 1 }, (_, at): RecordedSpan => {
    const said = {
      parent_span_id: root,
      input_preview: `question ${number} `.repeat(30),
      output_preview: 'so '.repeat(200),
    }
    return at % 2 === 0
      ? pricedCall({ ...said, input_tokens: 100 + at, metadata: { cache_read_tokens: at } })
      : makeSpan({ ...said, span_type: 'tool_call', tool_name: 'search' })
  })
  const id = newId()
  const trace = {
    ...{ id, run_id: id, agent_id: agents[number % agents.length]!, user_id: `user ${number % 40}`, channel: 'http' },
    ...{ session_key: `agent:helper:http:${id}`, input_preview: 'question', output_preview: 'answer' },
  }
  return [trace, [makeSpan({ id: root, span_type: 'agent' }), ...calls]] as const
}

const callsPerRun = Math.ceil((spansPerRun - 1) / 2)

/** Peak of the resident memory of a process that runs. */
const peakOf = async ({ pid }: MeshProcess): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024
}

export const spanLoad = async ({ seconds, spansPerSecond }: SpanLoadOptions): Promise<SpanLoadOutcome> => {
  const dir = await mkdtemp(join(tmpdir(), 'clawmesh-spans-'))
  const [nats, database] = await Promise.all([startNats(), createMigratedDatabase('spans', ['traces'])])
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  // The server may go before its last connection has closed.
  pool.on('error', () => undefined)
  const bus = await connectNatsBus([nats.url], 'agents', createLogger({ level: 'silent', name: 'test' }))
  const processes: MeshProcess[] = []

  const begin = async (): Promise<MeshProcess> => {
    const [httpPort, grpcPort] = [await reservePort(), await reservePort()]
    const name = `traces-${processes.length}`
    const started = startClawmesh(
      ['start', '--target', 'traces'],
      {
        // As in a pod with the chart's 512 MiB; with more, it is left lying about for longer.
        NODE_OPTIONS: '--max-old-space-size=256',
        CLAWMESH_HTTP_HOST: '127.0.0.1',
        CLAWMESH_HTTP_PORT: String(httpPort),
        CLAWMESH_GRPC_PORT: String(grpcPort),
        CLAWMESH_MESH_SECRET: 'mesh secret of the tests of spans, long enough',
        CLAWMESH_ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
        CLAWMESH_DATA_DIR: dir,
        DATABASE_URL: database.url,
        NATS_URL: nats.url,
      },
      join(dir, `${name}.log`),
    )
    processes.push(started)
    await waitUntilReady(name, `http://127.0.0.1:${httpPort}/readyz`, started)
    return started
  }
  const count = async (what: string, table: string): Promise<number> =>
    Number((await pool.query<{ count: string }>(`SELECT ${what} AS count FROM traces.${table}`)).rows[0]!.count)

  const connection = await connect({ servers: [nats.url] })
  /** Events that nobody has acknowledged yet. */
  const waiting = async (): Promise<number> => {
    const { consumers } = await jetstreamManager(connection)
    const { num_pending, num_ack_pending } = await consumers.info('MESH_EVENTS', 'traces-intake')
    return num_pending + num_ack_pending
  }

  try {
    const first = await begin()
    const runsPerTick = Math.max(1, Math.round(spansPerSecond / spansPerRun / ticksPerSecond))
    const ticks = seconds * ticksPerSecond
    const beganAt = performance.now()
    let runs = 0
    let peakMiB = 0
    let second: Promise<MeshProcess> | undefined
    for (let tick = 0; tick < ticks; tick++) {
      const reported = Array.from({ length: runsPerTick }, () => {
        const [trace, spans] = runOf(runs)
        const tenant = tenants[runs % tenants.length]!
        runs += 1
        const times = runs % toldTwice === 0 ? 2 : 1
        return Array.from({ length: times }, () => rowOf(reportOf(tenant, trace, [...spans])))
      })
      await bus.publishDurable(reported.flat())
      if (tick === Math.floor(ticks / 2)) {
        peakMiB = await peakOf(first)
        await first.end('SIGKILL')
        second = begin()
        // Heard when it is awaited.
        second.catch(() => undefined)
      }
      const ahead = ((tick + 1) * 1_000) / ticksPerSecond - (performance.now() - beganAt)
      if (ahead > 0) await sleep(ahead)
    }
    const publishedAt = performance.now()
    const last = (await second)!
    await eventually('all runs', async () => (await count('count(*)', 'traces')) >= runs, drainLimitMs)
    // What came again is stored by the time that nothing is left to be acknowledged.
    await eventually('all events', async () => (await waiting()) === 0, drainLimitMs)
    const storedAt = performance.now()

    const { kept, recount } = await usageAndRecount(pool, tenants)
    const spans = runs * spansPerRun
    const [stored, calls, requests] = [
      await count('count(*)', 'spans'),
      await count('coalesce(sum(calls), 0)', 'usage_hours'),
      await count('coalesce(sum(requests), 0)', 'usage_hours'),
    ]
    return {
      runs,
      spans,
      lost: Math.max(0, spans - stored) + Math.max(0, runs * callsPerRun - calls) + Math.max(0, runs - requests),
      doubled: Math.max(0, stored - spans) + Math.max(0, calls - runs * callsPerRun) + Math.max(0, requests - runs),
      usageEqualsRecount: kept.length > 0 && JSON.stringify(kept) === JSON.stringify(recount),
      killed: (await first.ended).signal === 'SIGKILL',
      publishSeconds: (publishedAt - beganAt) / 1_000,
      drainSeconds: (storedAt - publishedAt) / 1_000,
      peakMiB: Math.max(peakMiB, await peakOf(last)),
    }
  } finally {
    for (const each of processes) if (each.isRunning()) await each.end('SIGKILL')
    await Promise.all([connection.close(), bus.close()])
    await pool.end()
    await Promise.all([nats.stop('SIGKILL'), database.drop()])
    await rm(dir, { recursive: true, force: true })
  }
}
