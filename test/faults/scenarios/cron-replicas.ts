/** Many jobs due at once over three replicas, of which one dies in the middle of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { newId, openServiceDb, type Part } from '@clawmesh/chassis'
import { createClaims } from '../../../services/agents/src/cron/claims.ts'
import { createScheduler, type Claims } from '../../../services/agents/src/cron/scheduler.ts'
import type { ClaimedJob, CronOutcome } from '../../../services/agents/src/cron/types.ts'
import { PrismaClient } from '../../../services/agents/src/db/client/client.ts'
import { startAgents, type AgentsUnderTest } from '../../../services/agents/test/stand-ins.ts'

const hourMs = 3_600_000
const places = 30
/** Long enough that no replica that lives loses its jobs on a busy machine. */
const leaseMs = 10_000

interface Replica {
  part: Part
  /** Jobs that it has begun, in order. */
  begun: string[]
  /** How many of them came to their end. */
  ended: () => number
  /** Jobs that it is at, their end not being written yet. */
  atWork: () => number
  /** From now on nothing that it does reaches anybody, as if its process were gone. */
  kill: () => void
}

const never = new Promise<never>(() => undefined)

const createReplica = (agents: AgentsUnderTest): Replica => {
  const claims = createClaims(openServiceDb(agents.mesh, 'agents', PrismaClient))
  const begun: string[] = []
  let ended = 0
  let atWork = 0
  let isDead = false
  const whileAlive =
    <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
    (...args: A): Promise<T> =>
      isDead ? never : work(...args).then((result) => (isDead ? never : result))
  const perform = async (): Promise<CronOutcome> => {
    atWork++
    await sleep(100 + 100 * Math.random())
    atWork--
    return isDead ? never : { status: 'ok', summary: 'done', durationMs: 1 }
  }
  const alive: Claims<ClaimedJob, CronOutcome> = {
    take: whileAlive(claims.take),
    begin: whileAlive(async (job) => {
      const isOurs = await claims.begin(job)
      if (isOurs) begun.push(job.id)
      return isOurs
    }),
    renew: whileAlive(claims.renew),
    lost: whileAlive(claims.lost),
    end: whileAlive(async (...args) => {
      const isOurs = await claims.end(...args)
      if (args[1].status === 'ok') ended++
      return isOurs
    }),
  }
  const { log } = agents.mesh
  const { part } = createScheduler({
    name: 'cron',
    claims: alive,
    perform,
    log,
    places,
    tickMs: 20,
    leaseMs,
    drainMs: 1_000,
  })
  return { part, begun, ended: () => ended, atWork: () => atWork, kill: () => (isDead = true) }
}

export interface CronReplicasResult {
  /** By how many replicas each job was begun, however often. */
  begunOf: Map<string, number>
  /** What was logged of each job. */
  loggedOf: Map<string, string[]>
  jobs: { id: string; lastStatus: string; claim: string | null; waitsMs: number }[]
  /** Jobs begun by each replica. */
  shares: number[]
  /** Jobs that the dead replica had begun and not ended. */
  inFlight: string[]
}

/** Makes `count` jobs of four tenants due in one second, kills a replica once it has done a tenth of its share, and waits. */
export const runCronReplicas = async (count: number): Promise<CronReplicasResult> => {
  // Its own scheduler finds nothing at its start and does not look again.
  const agents = await startAgents({ CLAWMESH_CRON_TICK_MS: String(hourMs) })
  const { pool } = agents.mesh.database('agents')
  const replicas = [createReplica(agents), createReplica(agents), createReplica(agents)] as const
  const [doomed, ...others] = replicas
  try {
    const tenants = Array.from({ length: 4 }, newId)
    const { rows: made } = await pool.query<{ id: string }>(
      `INSERT INTO agents.cron_jobs (id, tenant_id, user_id, name, enabled, schedule, message, delete_after_run, stateless,
         deliver, deliver_channel, deliver_to, wake_heartbeat, next_run_at)
       SELECT gen_random_uuid(), ($1::uuid[])[1 + n % 4], 'alice', 'job-' || n, true, $2, 'go', false, true, false, '', '', false,
         now() + interval '1 second'
       FROM generate_series(1, $3::int) n RETURNING id`,
      [tenants, JSON.stringify({ kind: 'every', everyMs: hourMs }), count],
    )
    for (const { part } of replicas) await part.start?.()
    while (doomed.ended() < count / 30 || doomed.atWork() < 5) await sleep(1)
    doomed.kill()
    const read = async () => {
      const { rows } = await pool.query<CronReplicasResult['jobs'][number]>(
        `SELECT id, last_status AS "lastStatus", claim,
           extract(epoch FROM next_run_at - now())::float8 * 1000 AS "waitsMs" FROM agents.cron_jobs`,
      )
      return rows
    }
    let jobs = await read()
    while (jobs.some(({ claim, waitsMs }) => claim !== null || waitsMs <= 0)) {
      await sleep(50)
      jobs = await read()
    }
    const { rows: runs } = await pool.query<{ job_id: string; status: string }>(
      'SELECT job_id, status FROM agents.cron_runs',
    )
    const begunOf = new Map(made.map(({ id }) => [id, 0]))
    for (const { begun } of replicas) for (const id of begun) begunOf.set(id, begunOf.get(id)! + 1)
    const loggedOf = new Map(made.map(({ id }) => [id, [] as string[]]))
    for (const { job_id: id, status } of runs) loggedOf.get(id)!.push(status)
    const done = new Set(jobs.filter(({ lastStatus }) => lastStatus === 'ok').map(({ id }) => id))
    return {
      begunOf,
      loggedOf,
      jobs,
      shares: replicas.map(({ begun }) => begun.length),
      inFlight: doomed.begun.filter((id) => !done.has(id)),
    }
  } finally {
    for (const { part } of others) await part.stop?.()
    await agents.stop()
  }
}
