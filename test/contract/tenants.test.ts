/** Tenants that try to reach each other in the ways no table lists: through models, tools, files, keys and headers. */
import { allRoutes, masterTenantId, wsRoutes } from '@clawmesh/contracts'
import pg from 'pg'
import { secretColumns } from '../../cli/src/targets.ts'
import { startAllInOne, type AllInOne, type Headers } from '../support/all-in-one.ts'
import type { Answer } from '../support/all-in-one-request.ts'
import { plantCanaries } from '../support/canaries.ts'
import { runClawmesh } from '../support/mesh-process.ts'
import { sweepSpans } from '../support/secret-sweep.ts'
import { connectWs } from '../support/ws-client.ts'
import { errorText, expectRefusal } from './expectations.ts'
import { fillPath, resourceOf } from './routes.ts'
import { makeFullTenant, type FullTenant } from './tenant-data.ts'
import { until } from '../support/eventually.ts'

let mesh: AllInOne
let mine: FullTenant
let theirs: FullTenant
let endSpans: () => Promise<number>

beforeAll(async () => {
  endSpans = await sweepSpans()
  mesh = await startAllInOne()
  mine = await makeFullTenant(mesh, 'mine')
  theirs = await makeFullTenant(mesh, 'theirs')
})
afterAll(async () => {
  const spans = await endSpans()
  await mesh.stop()
  expect(spans).toBeGreaterThan(0)
})

const my = (method: string, path: string, body?: object, headers: Headers = {}) =>
  mesh.request(method, path, { headers: { ...mine.as('admin'), ...headers }, ...(body === undefined ? {} : { body }) })

/** Asserts that nothing of the other tenant came back, and nothing went to its provider. */
const untouched = async (work: () => Promise<Answer<unknown>>): Promise<Answer<unknown>> => {
  const before = mesh.upstream.requests.length
  const answer = await work()
  expect(answer.text).not.toContain(theirs.marker)
  expect(JSON.stringify(mesh.upstream.requests.slice(before))).not.toContain(theirs.marker)
  expect(answer.status).toBeLessThan(500)
  return answer
}

describe('runs', () => {
  const messages = [{ role: 'user', content: 'what do you remember?' }]

  it("do not start with another tenant's agent, named by model, header or path", async () => {
    const before = mesh.upstream.requests.length
    for (const agent of theirs.ids.agent) {
      for (const [body, headers] of [
        [{ model: `goclaw:${agent}`, messages }, {}],
        [{ model: `agent:${agent}`, messages, stream: true }, {}],
        [{ model: 'gpt-4o', messages }, { 'x-goclaw-agent-id': agent }],
        [{ model: 'gpt-4o', messages }, { 'x-goclaw-agent': agent }],
      ] as [object, Headers][])
        expectRefusal(await my('POST', '/v1/chat/completions', body, headers), { code: 'NOT_FOUND', style: 'openai' })
      expectRefusal(await my('POST', `/v1/agents/${agent}/wake`, { message: 'hello' }), { code: 'NOT_FOUND' })
    }
    expect(mesh.upstream.requests).toHaveLength(before)
  })

  it("do not use another tenant's provider or its key", async () => {
    const made = await my('POST', '/v1/agents', { agent_key: 'borrower', provider: theirs.ids.providerName[0] })
    expect(made.status).toBe(201)
    const before = mesh.upstream.requests.length
    const answer = await untouched(() => my('POST', '/v1/agents/borrower/wake', { message: 'hello' }))
    expect(answer.status).toBe(412)
    expect(mesh.upstream.requests).toHaveLength(before)
  })

  it("continue no session of another tenant's, though its key may be used", async () => {
    const [sessionKey] = theirs.ids.session
    const answer = await untouched(() =>
      my('POST', `/v1/agents/${mine.ids.agent[0]}/wake`, { message: 'go on', session_key: sessionKey }),
    )
    expect(answer.status).toBe(200)
    const session = await my('GET', `/v1/sessions/${encodeURIComponent(sessionKey!)}`)
    expect((session.body as { messages: unknown[] }).messages).toHaveLength(2)
    const their = await mesh.request('GET', `/v1/sessions/${encodeURIComponent(sessionKey!)}`, {
      headers: theirs.as('admin'),
    })
    expect((their.body as { messages: unknown[] }).messages).toHaveLength(2)
    expect(their.text).toContain(theirs.marker)
  })
})

describe('tools', () => {
  const invoke = (args: object, tool: string, agentId = mine.ids.agent[1]!, headers: Headers = {}) =>
    my('POST', '/v1/tools/invoke', { tool, args, agentId }, headers)
  const theirFile = () => `${theirs.slug}/${theirs.ids.agent[1]}/${theirs.userId}/secret.txt`

  it("find one's own file, so that the next tests mean something", async () => {
    const answer = await invoke({ path: 'secret.txt' }, 'read_file')
    expect(answer.text).toContain(mine.marker)
  })

  it("read no file of another tenant's by any path", async () => {
    const root = mesh.env['CLAWMESH_DATA_DIR']!
    for (const path of [
      `../../../${theirFile()}`,
      `../../../../tenants/${theirFile()}`,
      `${root}/workspace/tenants/${theirFile()}`,
      `./a/../../../../${theirFile()}`,
      `..\\..\\..\\${theirFile().replaceAll('/', '\\')}`,
      '/etc/passwd',
    ])
      for (const tool of ['read_file', 'list_files', 'write_file', 'edit']) {
        const args = { path, content: 'x', old_string: 'a', new_string: 'b' }
        const answer = await untouched(() => invoke(args, tool))
        expect([tool, path, answer.status]).toEqual([tool, path, 400])
      }
    const url = `file://${root}/workspace/tenants/${theirFile()}`
    expect((await untouched(() => invoke({ path: url }, 'read_file'))).status).toBe(400)
    const body = { tool: 'read_file', args: { path: 'secret.txt' }, agentId: theirs.ids.agent[1] }
    expect((await mesh.request('POST', '/v1/tools/invoke', { headers: theirs.as('admin'), body })).text).toContain(
      theirs.marker,
    )
  })

  it("read no file of another tenant's through an agent whose workspace, key or user points there", async () => {
    const root = `${mesh.env['CLAWMESH_DATA_DIR']!}/workspace`
    for (const [at, workspace] of [
      `${root}/tenants/${theirs.slug}/${theirs.ids.agent[1]}`,
      `../${theirs.slug}/${theirs.ids.agent[1]}`,
      root,
      '/',
      '.',
      '..',
      `tenants/${theirs.slug}/${theirs.ids.agent[1]}`,
    ].entries()) {
      const key = `squatter-${at}`
      expect((await my('POST', '/v1/agents', { agent_key: key, workspace, is_default: true })).status).toBe(201)
      for (const path of ['secret.txt', `${theirs.userId}/secret.txt`, theirFile()])
        for (const user of [theirs.userId, '..', `../${theirs.slug}`]) {
          const answer = await untouched(() => invoke({ path }, 'read_file', key, { 'x-goclaw-user-id': user }))
          expect([workspace, path, user, answer.status]).toEqual([workspace, path, user, 400])
        }
    }
  })

  it("run with no agent of another tenant's, and without its memory", async () => {
    for (const agent of theirs.ids.agent)
      for (const [tool, args] of [
        ['read_file', { path: 'secret.txt' }],
        ['memory_search', { query: theirs.marker }],
        ['memory_get', { path: theirs.ids.documentPath[0] }],
      ] as [string, object][]) {
        const answer = await untouched(() => invoke(args, tool, agent, { 'x-goclaw-user-id': theirs.userId }))
        expect([tool, answer.status]).toEqual([tool, 400])
      }
  })

  it("search and read memory of one's own tenant only", async () => {
    const found = await my('POST', `/v1/agents/${mine.ids.agent[0]}/memory/search`, {
      query: mine.marker,
      min_score: 0,
    })
    expect(found.text).toContain(mine.marker)
    for (const [tool, args] of [
      ['memory_search', { query: theirs.marker }],
      ['memory_get', { path: theirs.ids.documentPath[0] }],
    ] as [string, object][])
      await untouched(() => invoke(args, tool))
    const query = { query: 'Note', user_id: theirs.userId, min_score: 0 }
    await untouched(() => my('POST', `/v1/agents/${mine.ids.agent[0]}/memory/search`, query))
  })
})

describe('names', () => {
  it('are free in every tenant, and taking one changes nothing elsewhere', async () => {
    const before = await mesh.request('GET', `/v1/providers/${theirs.ids.provider[0]}`, { headers: theirs.as('admin') })
    const provider = { name: theirs.ids.providerName[0], provider_type: 'openai_compat', api_base: mesh.upstream.base }
    expect((await my('POST', '/v1/providers', provider)).status).toBe(201)
    expect((await my('POST', '/v1/agents', { agent_key: theirs.ids.agent[1] })).status).toBe(201)
    const channels = await mesh.request('GET', '/v1/channels/instances', { headers: theirs.as('admin') })
    const [instance] = channels.body['instances'] as { name: string }[]
    const mineToo = { name: instance!.name, channel_type: 'telegram', agent_id: mine.ids.agent[1] }
    expect((await my('POST', '/v1/channels/instances', mineToo)).status).toBe(201)
    const after = await mesh.request('GET', `/v1/providers/${theirs.ids.provider[0]}`, { headers: theirs.as('admin') })
    expect(after.body).toEqual(before.body)
    // Now there are two agents of that key: each tenant gets its own.
    const [seenByMe, seenByThem] = await Promise.all([
      my('GET', `/v1/agents/${theirs.ids.agent[1]}`),
      mesh.request('GET', `/v1/agents/${theirs.ids.agent[1]}`, { headers: theirs.as('admin') }),
    ])
    expect(seenByMe.body['tenant_id']).toBe(mine.id)
    expect(seenByThem.body['tenant_id']).toBe(theirs.id)
  })
})

describe('keys', () => {
  const bearer = (secret: string): Headers => ({ authorization: `Bearer ${secret}`, 'x-goclaw-user-id': 'someone' })

  it('of a tenant work in that tenant, whatever tenant is named', async () => {
    for (const named of [...theirs.ids.tenant, masterTenantId, 'master', 'unknown']) {
      const { body } = await my('GET', '/v1/agents', undefined, { 'x-goclaw-tenant-id': named })
      expect(new Set((body['agents'] as { tenant_id: string }[]).map((agent) => agent.tenant_id))).toEqual(
        new Set([mine.id]),
      )
    }
  })

  it('cannot be made for another tenant by a tenant, nor agents', async () => {
    const key = await my('POST', '/v1/api-keys', { name: 'mine', scopes: ['operator.read'], tenant_id: theirs.id })
    expectRefusal(key, { code: 'FORBIDDEN' })
    const agent = await my('POST', '/v1/agents', { agent_key: 'sent-away', tenant_id: theirs.id })
    expect(agent.body['tenant_id']).toBe(mine.id)
  })

  it('of the system are seen and revoked by the system owner only', async () => {
    const system = await mesh.makeKey(null, ['operator.admin'])
    const seen = async (headers: Headers) => (await mesh.request('GET', '/v1/api-keys', { headers })).text
    expect(await seen(mine.as('admin'))).not.toContain(system.id)
    expect(await seen({ ...bearer(mesh.gatewayToken) })).not.toContain(system.id)
    expect(await seen(mesh.owner())).toContain(system.id)
    expectRefusal(await my('POST', `/v1/api-keys/${system.id}/revoke`), { code: 'NOT_FOUND' })
    expectRefusal(await my('DELETE', `/v1/api-keys/${system.id}`), { code: 'NOT_FOUND' })
    expect((await mesh.request('GET', '/v1/agents', { headers: bearer(system.secret) })).status).toBe(200)
  })

  it('of the system work in the tenant that is named, else in the master tenant', async () => {
    const { secret } = await mesh.makeKey(null, ['operator.read'])
    const agents = async (headers: Headers) => {
      const { body } = await mesh.request('GET', '/v1/agents', { headers: { ...bearer(secret), ...headers } })
      return (body['agents'] as { tenant_id: string }[])[0]!.tenant_id
    }
    expect(await agents({})).toBe(masterTenantId)
    for (const named of mine.ids.tenant) expect(await agents({ 'x-goclaw-tenant-id': named })).toBe(mine.id)
    const headers = { ...bearer(secret), 'x-goclaw-tenant-id': 'no-such-tenant' }
    expectRefusal(await mesh.request('GET', '/v1/agents', { headers }), { code: 'NOT_FOUND', names: 'no-such-tenant' })
  })

  it('with a user are that user, whoever is named', async () => {
    const { secret } = await mesh.makeKey(theirs.id, ['operator.read'], 'bound-user')
    const headers = { ...bearer(secret), 'x-goclaw-user-id': theirs.userId }
    const { body } = await mesh.request('GET', '/v1/sessions', { headers })
    expect(body).toMatchObject({ sessions: [], total: 0 })
    const session = `/v1/sessions/${encodeURIComponent(theirs.ids.session[0]!)}`
    expectRefusal(await mesh.request('GET', session, { headers }), { code: 'FORBIDDEN' })
  })

  it('open nothing of a tenant that is suspended, until it is active again', async () => {
    const tenant = await mesh.makeTenant('closing')
    const path = `/v1/tenants/${tenant.id}`
    const list = () => mesh.request('GET', '/v1/agents', { headers: tenant.as('admin') })
    expect((await list()).status).toBe(200)
    for (const status of ['suspended', 'archived']) {
      await mesh.request('PATCH', path, { headers: mesh.owner(), body: { status } })
      await until(async () => errorText(await list()).includes(status))
      expectRefusal(await list(), { code: 'TENANT_ACCESS_REVOKED', names: status })
    }
    await mesh.request('PATCH', path, { headers: mesh.owner(), body: { status: 'active' } })
    await until(async () => (await list()).status === 200)
  })
})

describe('the gateway token', () => {
  const asUser = (userId: string): Headers => ({
    authorization: `Bearer ${mesh.gatewayToken}`,
    ...(userId === '' ? {} : { 'x-goclaw-user-id': userId }),
  })

  it('opens a tenant to its members only', async () => {
    for (const tenant of theirs.ids.tenant)
      for (const path of ['/v1/agents', '/v1/api-keys', '/v1/providers']) {
        const answer = await mesh.request('GET', path, {
          headers: { ...asUser('stranger'), 'x-goclaw-tenant-id': tenant },
        })
        expectRefusal(answer, { code: 'TENANT_ACCESS_REVOKED' })
        const nobody = await mesh.request('GET', path, { headers: { ...asUser(''), 'x-goclaw-tenant-id': tenant } })
        expectRefusal(nobody, { code: 'UNAUTHORIZED' })
        expect(errorText(answer) + errorText(nobody)).not.toContain(theirs.marker)
      }
  })

  it('shows nothing of any tenant in the master tenant', async () => {
    for (const path of [
      '/v1/agents',
      '/v1/sessions',
      '/v1/traces',
      '/v1/memory',
      '/v1/memory/documents',
      '/v1/providers',
    ]) {
      const { text, status } = await mesh.request('GET', path, { headers: asUser(theirs.userId) })
      expect([path, status]).toEqual([path, 200])
      expect(text).not.toContain(theirs.marker)
    }
  })

  it('lets no admin but a system owner change what belongs to the installation', async () => {
    for (const headers of [mine.as('admin'), asUser('stranger')]) {
      expectRefusal(await mesh.request('GET', '/v1/tenants', { headers }), { code: 'FORBIDDEN', names: 'owner' })
      const tenant = `/v1/tenants/${theirs.id}`
      expectRefusal(await mesh.request('GET', tenant, { headers }), { code: 'FORBIDDEN', names: 'owner' })
      const body = { name: 'taken over' }
      expectRefusal(await mesh.request('PATCH', tenant, { headers, body }), { code: 'FORBIDDEN', names: 'owner' })
    }
    const tool = '/v1/tools/builtin/read_file'
    expectRefusal(await my('PUT', tool, { enabled: false }), { code: 'FORBIDDEN' })
    expect((await my('GET', tool)).body['enabled']).toBe(true)
  })
})

describe('secrets', () => {
  /** What nobody may ever read is looked for by the mesh of the tests, which fails at its end where it has found any. */
  it('stand in every column that is declared, and come out nowhere, whatever is asked for', async () => {
    const owner = { tenantId: mine.id, userId: mine.userId }
    const planted = await plantCanaries(mesh.databaseUrls.common, mesh.env['CLAWMESH_ENCRYPTION_KEY']!, owner)
    expect(planted).toEqual(
      Object.entries(secretColumns).flatMap(([service, columns]) =>
        columns.map(({ table, column }) => `${service}.${table}.${column}`),
      ),
    )
    const asked = allRoutes.filter(({ method }) => method === 'GET')
    for (const headers of [mine.as('admin'), mine.as('owner')])
      await Promise.all(
        asked.map((route) =>
          mesh.request(
            'GET',
            fillPath(route, (param) => mine.idsOf(resourceOf(param))[0]!),
            { headers },
          ),
        ),
      )
    const [provider, server] = [mine.ids.provider[0]!, mine.ids.mcpServer[0]!]
    await my('POST', `/v1/providers/${provider}/verify`, { model: 'gpt-4o' })
    await my('POST', `/v1/mcp/servers/${server}/reconnect`)
    const ws = await connectWs(mesh.port, { token: mine.keys.admin, user_id: mine.userId, protocolVersion: 3 })
    for (const [method, { definition }] of wsRoutes) if (definition.takesLong !== true) await ws.ask(method, {})
    await ws.close()
  })
})

describe('a tenant that is erased', () => {
  /** How many rows of a tenant stand in which tables, but for those that come and go. */
  const rowsOf = async (tenantId: string): Promise<Map<string, number>> => {
    const counts = new Map<string, number>()
    for (const connectionString of Object.values(mesh.databaseUrls)) {
      const client = new pg.Client({ connectionString })
      await client.connect()
      const { rows } = await client.query<{ name: string }>(
        `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.columns JOIN information_schema.tables
           USING (table_schema, table_name)
         WHERE column_name = 'tenant_id' AND table_type = 'BASE TABLE' AND table_name NOT IN ('outbox', 'jobs')`,
      )
      for (const { name } of rows) {
        const found = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${name} WHERE tenant_id = $1`, [
          tenantId,
        ])
        if (found.rows[0]!.n > 0) counts.set(name, found.rows[0]!.n)
      }
      await client.end()
    }
    return counts
  }
  const erase = (tenant: string) => runClawmesh(['tenants', 'erase', tenant], mesh.env)

  it('is archived before, leaves no row in any table, and takes none of others with it', async () => {
    const { id, slug } = theirs
    for (const refused of [slug, 'no-such-tenant', masterTenantId])
      expect(await erase(refused)).toMatchObject({ code: 1 })
    await mesh.request('PATCH', `/v1/tenants/${id}`, { headers: mesh.owner(), body: { status: 'archived' } })
    const [before, ofOthers] = [await rowsOf(id), await rowsOf(mine.id)]
    const services = new Set([...before.keys()].map((table) => table.split('.')[0]))
    expect([...services].toSorted()).toEqual([
      ...['agents', 'channels', 'identity', 'memory', 'providers', 'tools', 'traces'],
    ])
    expect([...before.keys()]).toEqual(
      expect.arrayContaining([
        'memory.documents',
        'traces.spans',
        'traces.activity_logs',
        'traces.agent_costs_monthly',
      ]),
    )
    expect(await erase(slug)).toMatchObject({ code: 0, stdout: expect.stringContaining('memory: ') })
    // What was on its way to a service when the tenant was archived may come after it.
    await until(async () => (await rowsOf(id)).size === 0 || (await erase(id)).code !== 0)
    expect(await rowsOf(id)).toEqual(new Map())

    const left = await rowsOf(mine.id)
    const fewer = [...ofOthers].filter(([table, rows]) => (left.get(table) ?? 0) < rows)
    expect(fewer).toEqual([])
    expect((await mesh.request('GET', `/v1/tenants/${id}`, { headers: mesh.owner() })).status).toBe(404)
    const activity = `/v1/activity?action=tenant.erased&entity_id=${id}`
    await until(
      async () => (await mesh.request<{ total: number }>('GET', activity, { headers: mesh.owner() })).body.total === 1,
    )
  })
})
