/** Sessions have no foreign key to their agents (docs/adr/0026): what holds them together instead. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../../test/support/eventually.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { done, echo, startAgents, text, type AgentsUnderTest } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
beforeAll(async () => {
  agents = await startAgents()
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
})

const pool = () => agents.mesh.database('agents').pool
const newAdmin = () => testCaller({ role: 'admin', userId: 'alice' })
type Caller = ReturnType<typeof newAdmin>

const create = async (caller: Caller, agent_key: string): Promise<string> =>
  (await agents.request<Body>(caller, 'POST', '/v1/agents', { agent_key })).body['id']
const remove = (caller: Caller, agent: string) => agents.request(caller, 'DELETE', `/v1/agents/${agent}`)
/** A turn in a session of its own, or in a named one. */
const turn = (caller: Caller, agent: string, key?: string) =>
  key === undefined
    ? agents.request<Body>(caller, 'POST', '/v1/chat/completions', {
        model: `goclaw:${agent}`,
        messages: [{ role: 'user', content: 'hello' }],
      })
    : agents.request<Body>(caller, 'POST', `/v1/agents/${agent}/wake`, { message: 'hello', session_key: key })
const sessionsOf = async (agentId: string): Promise<number> =>
  (await pool().query('SELECT FROM agents.sessions WHERE agent_id = $1', [agentId])).rowCount!
const orphansOf = async ({ tenantId }: Caller): Promise<number> =>
  (
    await pool().query(
      `SELECT FROM agents.sessions s WHERE tenant_id = $1
       AND NOT EXISTS (SELECT FROM agents.agents a WHERE a.id = s.agent_id)`,
      [tenantId],
    )
  ).rowCount!
const insertSession = `INSERT INTO agents.sessions (id, tenant_id, session_key, agent_id, user_id, lease_run_id)
  VALUES (gen_random_uuid(), $1, $2, $3, 'alice', gen_random_uuid())`
/** Deletes an agent and nothing else, as a replica that has just done so, of which this one knows nothing yet. */
const removeRow = (id: string) => pool().query('DELETE FROM agents.agents WHERE id = $1', [id])

describe('sessions without an agent', () => {
  it('are not made by a run that begins after the deletion, whatever caches say', async () => {
    const caller = newAdmin()
    const id = await create(caller, 'gone')
    expect((await turn(caller, 'gone')).status).toBe(200)
    expect((await turn(caller, 'gone', 'agent:gone:named')).status).toBe(200)
    await removeRow(id)
    const before = await sessionsOf(id)
    const [fresh, named, known] = await Promise.all([
      turn(caller, 'gone'),
      turn(caller, 'gone', 'agent:gone:new'),
      turn(caller, 'gone', 'agent:gone:named'),
    ])
    for (const { status, body } of [fresh, named, known]) {
      expect(status).toBe(404)
      expect(JSON.stringify(body)).toContain('gone')
    }
    expect(await sessionsOf(id)).toBe(before)
  })

  it('are given no answer: the end of their run is refused', async () => {
    const caller = newAdmin()
    const id = await create(caller, 'vanishing')
    agents.model = async function* () {
      // The model is asked while a new session is written.
      await eventually('the session is there', async () => (await sessionsOf(id)) === 1)
      await removeRow(id)
      yield text('too late')
      yield done({ content: 'too late' })
    }
    expect((await turn(caller, 'vanishing')).status).toBe(503)
    const { rows } = await pool().query<{ role: string }>(
      'SELECT m.role FROM agents.messages m JOIN agents.sessions s ON s.id = m.session_id WHERE s.agent_id = $1',
      [id],
    )
    expect(rows).toEqual([{ role: 'user' }])
  })

  it('are in no list, cannot be read, and are not counted', async () => {
    const caller = newAdmin()
    const id = await create(caller, 'left')
    await pool().query(insertSession, [caller.tenantId, 'orphan', id])
    const list = async () => (await agents.request<Body>(caller, 'GET', '/v1/sessions')).body
    expect(await list()).toMatchObject({ total: 1, sessions: [{ key: 'orphan' }] })
    await removeRow(id)
    expect(await list()).toMatchObject({ total: 0, sessions: [] })
    expect((await agents.request(caller, 'GET', '/v1/sessions/orphan')).status).toBe(404)
  })

  it('that were being made while their agent was deleted go when they are there', async () => {
    const caller = newAdmin()
    const id = await create(caller, 'raced')
    const other = await pool().connect()
    try {
      await other.query('BEGIN')
      await other.query(insertSession, [caller.tenantId, 'in flight', id])
      expect((await remove(caller, 'raced')).status).toBe(200)
      // The news of the deletion comes, and waits for who is writing.
      await sleep(300)
      await other.query('COMMIT')
    } finally {
      other.release()
    }
    await eventually('no orphan', async () => (await sessionsOf(id)) === 0)
  })

  it('are left by no race of turns and deletions, with connections cut in between', async () => {
    const caller = newAdmin()
    const agentsInRace = 12
    const race = async (number: number) => {
      const agent = `race-${number}`
      await create(caller, agent)
      const turns = Array.from({ length: 6 }, (_, at) =>
        sleep(at * 3).then(() => turn(caller, agent, at % 2 === 0 ? undefined : `agent:${agent}:${at}`)),
      )
      await sleep(number)
      if (number === 5)
        await pool().query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE pid <> pg_backend_pid() AND datname = current_database()`,
        )
      const removed = await remove(caller, agent)
      await Promise.all(turns)
      return removed.status
    }
    const removals = await Promise.all(Array.from({ length: agentsInRace }, (_, number) => race(number)))
    expect(removals.filter((status) => status === 200).length).toBeGreaterThan(0)
    await eventually('no orphan', async () => (await orphansOf(caller)) === 0)
    const { rows } = await pool().query<{ n: number }>(
      `SELECT count(*)::int AS n FROM agents.runs r WHERE tenant_id = $1
       AND NOT EXISTS (SELECT FROM agents.agents a WHERE a.id = r.agent_id)`,
      [caller.tenantId],
    )
    expect(rows).toEqual([{ n: 0 }])
  })
})
