/** Agents whose context files a model writes, over a real database, with models that fail in their ways. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openServiceDb } from '@clawmesh/chassis'
import { MeshError, wsEventSources, type Caller, type CloudEvent } from '@clawmesh/contracts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { PrismaClient } from '../src/db/client/client.ts'
import { createSummoningRows } from '../src/summoning/rows.ts'
import { done, echo, startAgents, type AgentsUnderTest, type Script } from './stand-ins.ts'

type Body = Record<string, any>

let agents: AgentsUnderTest
const events: CloudEvent[] = []
beforeAll(async () => {
  agents = await startAgents({ CLAWMESH_SUMMON_CALL_MS: '2000' })
  await consumeEvents(agents.bus, {
    durable: 'steps',
    subject: 'mesh.events.*.agents.agent.summoning',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
})
afterAll(() => agents.stop())
beforeEach(() => {
  agents.model = echo
  agents.asked.length = 0
})

const owner = () => testCaller({ role: 'admin', userId: 'alice' })
const says = (content: string): Script =>
  async function* () {
    yield done({ content })
  }
const file = (name: string, text: string) => `<file name="${name}">\n${text}\n</file>`
const whole = [
  '<frontmatter>Knows birds.</frontmatter>',
  file('SOUL.md', '# Soul\nPatient.'),
  file('IDENTITY.md', '# Identity\n\n- **Name:** Wren\n- **Emoji:** x'),
].join('\n')
const hangs: Script = async function* (_request, { signal }) {
  await sleep(60_000, undefined, { signal })
  yield done({ content: whole })
}
const breaks: Script = async function* () {
  yield* []
  throw new MeshError('UNAVAILABLE', 'error.provider_request_failed', { provider: 'fake', reason: 'dead' })
}

const create = (caller: Caller, more: object = {}) =>
  agents.request<Body>(caller, 'POST', '/v1/agents', {
    agent_key: 'wren',
    agent_type: 'predefined',
    description: 'Knows all birds.',
    ...more,
  })
const ask = (caller: Caller, action: string, body?: object, agent = 'wren') =>
  agents.request<Body>(caller, 'POST', `/v1/agents/${agent}/${action}`, body)
const regenerate = (caller: Caller, prompt = 'be kinder', agent?: string) =>
  ask(caller, 'regenerate', { prompt }, agent)
const resummon = (caller: Caller, agent?: string) => ask(caller, 'resummon', undefined, agent)
const cancel = (caller: Caller, agent?: string) => ask(caller, 'cancel-summon', undefined, agent)
const read = async (caller: Caller) => (await agents.request<Body>(caller, 'GET', '/v1/agents/wren')).body
const becomes = (caller: Caller, status: string) =>
  eventually(`status ${status}`, async () => (await read(caller))['status'] === status)
const modelAsked = () => eventually('a call of the model', async () => agents.asked.length > 0)
const filesOf = async ({ tenantId }: Caller): Promise<Record<string, string>> => {
  const { rows } = await agents.mesh
    .database('agents')
    .pool.query<{ file_name: string; content: string }>(
      `SELECT file_name, content FROM agents.context_files WHERE tenant_id = $1 AND user_id = ''`,
      [tenantId],
    )
  return Object.fromEntries(rows.map(({ file_name, content }) => [file_name, content]))
}
/** An agent that a model has made. */
const summoned = async () => {
  const caller = owner()
  agents.model = says(whole)
  await create(caller)
  await becomes(caller, 'active')
  return caller
}

rule('createAgent.summonsDescribedOnes', async () => {
  const caller = owner()
  agents.model = says(whole)
  const { status, body } = await create(caller, { status: 'active' })
  expect([status, body['status']]).toEqual([201, 'summoning'])
  await becomes(caller, 'active')
  expect(await read(caller)).toMatchObject({ display_name: 'Wren', frontmatter: 'Knows birds.' })
  expect(await filesOf(caller)).toMatchObject({
    'SOUL.md': '# Soul\nPatient.\n',
    'IDENTITY.md': expect.stringContaining('Wren'),
    'USER_PREDEFINED.md': expect.any(String),
  })
  const [asked] = agents.asked
  expect(asked!.tools).toEqual([])
  expect(asked!.messages.at(-1)!.content).toContain('Knows all birds.')
  for (const plain of [{ agent_type: 'open' }, { description: '  ' }])
    expect((await create(caller, { agent_key: `k${Object.keys(plain)[0]!.length}`, ...plain })).body['status']).toBe(
      'active',
    )
})

describe('regenerating', () => {
  rule('regenerateAgent.runsInBackground', async () => {
    const caller = await summoned()
    const before = await filesOf(caller)
    let given = ''
    agents.model = async function* (request, { signal }) {
      given = request.messages.at(-1)!.content
      await sleep(300, undefined, { signal })
      yield done({ content: file('SOUL.md', 'Kind.') })
    }
    expect(await regenerate(caller)).toMatchObject({ status: 202, body: { ok: 'true', status: 'summoning' } })
    expect((await read(caller))['status']).toBe('summoning')
    await becomes(caller, 'active')
    expect(await filesOf(caller)).toEqual({ ...before, 'SOUL.md': 'Kind.\n' })
    expect(await read(caller)).toMatchObject({ display_name: 'Wren', frontmatter: 'Knows birds.' })
    for (const part of ['be kinder', 'Patient.', 'Wren']) expect(given).toContain(part)
  })

  rule('regenerateAgent.tellsTheTruth', async () => {
    const caller = await summoned()
    const before = await filesOf(caller)
    for (const model of [breaks, says('I would rather not.'), says('<file name="../x.md">a</file>')]) {
      agents.model = model
      expect((await regenerate(caller)).status).toBe(202)
      await becomes(caller, 'summon_failed')
      expect(await filesOf(caller)).toEqual(before)
    }
  })

  rule('regenerateAgent.requiresPrompt', async () => {
    const caller = await summoned()
    for (const body of [undefined, {}, { prompt: '' }, { prompt: '  ' }])
      expect((await ask(caller, 'regenerate', body)).status).toBe(400)
  })

  rule('regenerateAgent.oneAtATime', async () => {
    const caller = await summoned()
    agents.model = hangs
    expect((await regenerate(caller)).status).toBe(202)
    expect(await regenerate(caller)).toMatchObject({ status: 409, body: { code: 'ALREADY_EXISTS' } })
    await cancel(caller)
  })

  rule('regenerateAgent.isAudited', async () => {
    const caller = await summoned()
    await regenerate(caller)
    expect(await agents.auditOf(caller.tenantId, 'agentRegenerated')).toMatchObject({ action: 'agent.regenerated' })
  })
})

describe('resummoning', () => {
  rule('resummonAgent.mendsFailures', async () => {
    const caller = owner()
    for (const model of [breaks, says('rubbish')]) {
      agents.model = model
      if (model === breaks) await create(caller)
      else await resummon(caller)
      await becomes(caller, 'summon_failed')
    }
    agents.model = says(whole)
    expect(await resummon(caller)).toMatchObject({ status: 202, body: { ok: 'true', status: 'summoning' } })
    await becomes(caller, 'active')
    expect(await read(caller)).toMatchObject({ display_name: 'Wren', frontmatter: 'Knows birds.' })
    expect((await filesOf(caller))['SOUL.md']).toContain('Patient.')
  })

  rule('resummonAgent.keepsWhatIsWritten', async () => {
    const caller = owner()
    agents.model = says(file('SOUL.md', 'Mine.'))
    await create(caller)
    await becomes(caller, 'active')
    agents.model = says(whole)
    await resummon(caller)
    await becomes(caller, 'active')
    expect(await filesOf(caller)).toMatchObject({
      'SOUL.md': 'Mine.\n',
      'IDENTITY.md': expect.stringContaining('Wren'),
    })
  })

  rule('resummonAgent.takesSlowModels', async () => {
    const caller = owner()
    agents.model = async function* ({ messages }, { signal }) {
      const wanted = messages.at(-1)!.content
      if (wanted.includes('Template of SOUL.md') && wanted.includes('Template of IDENTITY.md'))
        await sleep(60_000, undefined, { signal })
      yield done({ content: whole })
    }
    await create(caller)
    await becomes(caller, 'active')
    expect(agents.asked).toHaveLength(3)
    expect(agents.asked[2]!.messages.at(-1)!.content).toContain('Patient.')
    expect((await filesOf(caller))['IDENTITY.md']).toContain('Wren')
  })

  rule('resummonAgent.requiresDescription', async () => {
    const caller = owner()
    await create(caller, { description: undefined })
    expect(await resummon(caller)).toMatchObject({ status: 400 })
  })

  rule('resummonAgent.survivesRestarts', async () => {
    const caller = owner()
    agents.model = hangs
    const id = (await create(caller)).body['id'] as string
    await modelAsked()
    agents.model = says(whole)
    // As it is when the process that had claimed it is no more.
    await agents.mesh
      .database('agents')
      .pool.query(`UPDATE agents.jobs SET run_at = now() - interval '1 second' WHERE data->>'agentId' = $1`, [id])
    await becomes(caller, 'active')
    expect((await filesOf(caller))['SOUL.md']).toContain('Patient.')
  })

  rule('resummonAgent.tellsSteps', async () => {
    const caller = await summoned()
    const steps = () => events.filter(({ tenantid }) => tenantid === caller.tenantId).map(({ data }) => data as Body)
    await eventually('the last step', async () => steps().at(-1)?.['type'] === 'completed')
    expect(steps().map(({ type, file: name }) => [type, name])).toEqual([
      ['started', undefined],
      ['file_generated', 'USER_PREDEFINED.md'],
      ['file_generated', 'SOUL.md'],
      ['file_generated', 'IDENTITY.md'],
      ['completed', undefined],
    ])
    const { toMessage } = wsEventSources.find(({ name }) => name === 'agentSummoning')!
    const { id: agent_id } = await read(caller)
    expect(toMessage(steps()[1])).toMatchObject({
      event: 'agent.summoning',
      payload: { type: 'file_generated', agent_id, file: 'USER_PREDEFINED.md', userId: 'alice' },
    })
    agents.model = breaks
    await resummon(caller)
    await eventually('a failure', async () => steps().at(-1)?.['type'] === 'failed')
    expect(steps().at(-1)).toMatchObject({ error: expect.stringContaining('dead') })
  })

  rule('resummonAgent.oneAtATime', async () => {
    const caller = owner()
    agents.model = hangs
    await create(caller)
    expect((await resummon(caller)).status).toBe(409)
    await cancel(caller)
  })

  rule('resummonAgent.isAudited', async () => {
    const caller = await summoned()
    await resummon(caller)
    expect(await agents.auditOf(caller.tenantId, 'agentResummoned')).toMatchObject({ action: 'agent.resummoned' })
  })
})

describe('cancelling', () => {
  rule('cancelAgentSummoning.leavesAnActiveAgent', async () => {
    const caller = owner()
    let aborted = false
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    agents.model = async function* (_request, { signal }) {
      signal.addEventListener('abort', () => (aborted = true))
      await released
      yield done({ content: whole })
    }
    await create(caller)
    await modelAsked()
    expect(await cancel(caller)).toMatchObject({ status: 200, body: { ok: 'true', status: 'active' } })
    await eventually('the end of the call', async () => aborted)
    release()
    expect((await read(caller))['status']).toBe('active')
    expect((await filesOf(caller))['SOUL.md']).not.toContain('Patient.')
    // And it can be summoned again.
    agents.model = says(whole)
    await resummon(caller)
    await eventually('new files', async () => (await filesOf(caller))['SOUL.md']!.includes('Patient.'))
  })

  rule('cancelAgentSummoning.isFineWhenOver', async () => {
    const caller = owner()
    agents.model = breaks
    await create(caller)
    await becomes(caller, 'summon_failed')
    expect((await cancel(caller)).body).toEqual({ ok: 'true', status: 'summon_failed' })
    await agents.request(caller, 'PUT', '/v1/agents/wren', { status: 'summoning' })
    expect((await cancel(caller)).body).toEqual({ ok: 'true', status: 'active' })
  })

  rule('cancelAgentSummoning.isAudited', async () => {
    const caller = owner()
    agents.model = hangs
    await create(caller)
    await cancel(caller)
    expect(await agents.auditOf(caller.tenantId, 'agentSummonCancelled')).toMatchObject({
      action: 'agent.summon_cancelled',
    })
  })
})

const expectOwnersOnly = async (act: (caller: Caller) => Promise<{ status: number }>) => {
  const caller = await summoned()
  expect((await act({ ...caller, userId: 'carol' })).status).toBe(403)
  expect((await act({ ...caller, role: 'operator' })).status).toBe(403)
  expect((await act({ ...caller, tenantId: owner().tenantId })).status).toBe(404)
  for (const allowed of [{ role: 'owner', userId: 'carol' }, { userId: '' }] as const) {
    expect((await act({ ...caller, ...allowed })).status).toBeLessThan(300)
    await cancel(caller)
  }
}
rule('regenerateAgent.requiresOwnership', () => expectOwnersOnly((caller) => regenerate(caller)))
rule('resummonAgent.requiresOwnership', () => expectOwnersOnly((caller) => resummon(caller)))
rule('cancelAgentSummoning.requiresOwnership', () => expectOwnersOnly((caller) => cancel(caller)))

test('a summoning that ends while its agent is changed waits for the agent, and holds nothing meanwhile', async () => {
  agents.model = hangs
  const caller = owner()
  await create(caller)
  await modelAsked()
  const { pool } = agents.mesh.database('agents')
  const { rows } = await pool.query<{ id: string; agent_id: string }>(
    'SELECT id, agent_id FROM agents.summonings WHERE tenant_id = $1',
    [caller.tenantId],
  )
  const { id, agent_id: agentId } = rows[0]!
  const other = await pool.connect()
  try {
    await other.query('BEGIN')
    await other.query('SELECT FROM agents.agents WHERE id = $1 FOR UPDATE', [agentId])
    const summonings = createSummoningRows(openServiceDb(agents.mesh, 'agents', PrismaClient))(caller.tenantId)
    const ended = summonings.fail(agentId, id, 'dead')
    await eventually('it waits', async () => {
      const waiting = await pool.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%agents.agents%FOR UPDATE%'`,
      )
      return waiting.rowCount! > 0
    })
    await other.query('DELETE FROM agents.summonings WHERE agent_id = $1', [agentId])
    await other.query('COMMIT')
    expect(await ended).toBe(false)
  } finally {
    other.release()
  }
})
