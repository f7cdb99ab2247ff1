/** Jobs and heartbeats that are due over three processes of agents, of which one is killed in the middle of them. */
import pg from 'pg'
import { masterTenantId } from '@clawmesh/contracts'
import { eventually } from '../../support/eventually.ts'
import { meshStartLimitMs, ownerId, startMesh, type Mesh } from '../../support/mesh-processes.ts'

const everyHour = JSON.stringify({ kind: 'every', everyMs: 3_600_000 })

interface JobRow {
  name: string
  status: string | null
  claim: string | null
  runs: number
}

/** How often each name stands in what the model was asked. */
const asksOf = (mesh: Mesh, pattern: RegExp): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const { body } of mesh.upstream.requests)
    for (const [name] of [pattern.exec(JSON.stringify(body))].filter((found) => found !== null))
      counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** @param report is told what was seen */
export const schedulesKilledTests = (
  { jobs, heartbeats }: { jobs: number; heartbeats: number },
  report: (figures: object) => void = () => undefined,
  timeoutMs?: number,
): void => {
  let mesh: Mesh
  let database: pg.Pool
  beforeAll(async () => {
    mesh = await startMesh({ agents: 3, together: true })
    database = new pg.Pool({ connectionString: mesh.databaseUrl, max: 2 })
    mesh.upstream.rule = () => ({ text: 'done', headerDelayMs: 200 })
  }, meshStartLimitMs)
  afterAll(async () => {
    await database?.end()
    await mesh?.stop()
  })

  it(
    `each of ${jobs} jobs that are due in one second is asked of the model once, while a process is killed`,
    async () => {
      await database.query(
        `INSERT INTO agents.cron_jobs (id, tenant_id, user_id, name, enabled, schedule, message, delete_after_run, stateless,
           deliver, deliver_channel, deliver_to, wake_heartbeat, next_run_at)
         SELECT gen_random_uuid(), $1, 'alice', 'job-' || n, true, $2, 'do <job-' || n || '>', false, true, false, '', '', false,
           now() + interval '1 second'
         FROM generate_series(1, $3::int) n`,
        [masterTenantId, everyHour, jobs],
      )
      const asked = () => asksOf(mesh, /<job-\d+>/)
      await eventually('a tenth of them', async () => asked().size >= jobs / 10, timeoutMs)
      await mesh.kill('agents-1')
      const read = async () => {
        const { rows } = await database.query<JobRow>(
          `SELECT name, last_status AS status, claim, (SELECT count(*)::int FROM agents.cron_runs WHERE job_id = jobs.id) AS runs
           FROM agents.cron_jobs AS jobs`,
        )
        return rows
      }
      const ended = await eventually(
        'the end of all',
        async () => {
          const rows = await read()
          return rows.every(({ status, claim }) => claim === null && status !== null && status !== 'running') && rows
        },
        timeoutMs,
      )
      const statuses = Object.groupBy(ended, ({ status }) => String(status))
      const interrupted = statuses['interrupted']?.length ?? 0
      report({ jobs, interrupted, ok: statuses['ok']?.length, asked: asked().size })
      // Those that the dead process had claimed and not begun are done by others; those that it was at are told of.
      expect([...asked()].filter(([, times]) => times !== 1)).toEqual([])
      expect(ended.filter(({ runs }) => runs !== 1)).toEqual([])
      expect(Object.keys(statuses).sort()).toEqual(['interrupted', 'ok'])
      expect(asked().size).toBeGreaterThanOrEqual(jobs - interrupted)
      await mesh.restart('agents-1')
    },
    timeoutMs,
  )

  it(
    `each of ${heartbeats} heartbeats that are due is begun once over the processes`,
    async () => {
      const api = mesh.api(0, ownerId)
      for (let at = 0; at < heartbeats; at++)
        await api.need('POST', '/v1/agents', { agent_key: `watcher-${at}`, provider: 'fake' })
      await database.query(
        `INSERT INTO agents.agent_heartbeats (id, tenant_id, agent_id, user_id, enabled, interval_sec, prompt, provider_name, model,
           isolated_session, light_context, ack_max_chars, max_retries, active_hours_start, active_hours_end, timezone, channel,
           chat_id, next_run_at)
         SELECT gen_random_uuid(), tenant_id, id, owner_id, true, 3600, 'look at <' || agent_key || '>', '', '', true, true, 300, 0,
           '', '', 'UTC', '', '', now() + interval '2 seconds' FROM agents.agents WHERE agent_key LIKE 'watcher-%'`,
      )
      await database.query(
        `INSERT INTO agents.context_files (tenant_id, agent_id, user_id, file_name, content)
         SELECT tenant_id, id, '', 'HEARTBEAT.md', '- all' FROM agents.agents WHERE agent_key LIKE 'watcher-%'`,
      )
      const logs = await eventually(
        'all logs',
        async () => {
          const { rows } = await database.query<{ status: string; agent: string }>(
            'SELECT status, agent_id AS agent FROM agents.heartbeat_runs',
          )
          return rows.length >= heartbeats && rows
        },
        timeoutMs,
      )
      expect(logs).toHaveLength(heartbeats)
      expect(new Set(logs.map(({ agent }) => agent)).size).toBe(heartbeats)
      expect(logs.filter(({ status }) => status !== 'ok')).toEqual([])
      const asked = asksOf(mesh, /<watcher-\d+>/)
      expect([asked.size, [...asked].filter(([, times]) => times !== 1)]).toEqual([heartbeats, []])
    },
    timeoutMs,
  )
}
