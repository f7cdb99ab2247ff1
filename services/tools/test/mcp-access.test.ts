/** Who may use MCP servers: grants, requests for them, and the secrets of users, over a real database. */
import { randomUUID } from 'node:crypto'
import { outboxRow } from '@clawmesh/chassis'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { auditTrail, mcpTenant, type Body } from './mcp-support.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let trail: Awaited<ReturnType<typeof auditTrail>>
beforeAll(async () => {
  tools = await startTools()
  trail = await auditTrail(tools)
})
afterAll(() => tools.stop())

const withServer = async () => {
  const mine = mcpTenant(tools)
  const id = await mine.server()
  const agentId = mine.agent()
  const path = `/servers/${id}`
  return {
    ...mine,
    id,
    path,
    agentId,
    grants: async () => (await mine.get(`${path}/grants`))['grants'] as Body[],
    grantAgent: (lists: object = {}, agent_id: unknown = agentId) =>
      mine.post(`${path}/grants/agent`, { agent_id, ...lists }),
    grantUser: (body: object) => mine.post(`${path}/grants/user`, body),
    recorded: (name: Parameters<typeof trail.first>[1]) => trail.first(mine.admin.tenantId, name),
  }
}

describe('grants of agents', () => {
  rule('listMcpServerGrants.ordersByArrival', async () => {
    const { grantAgent, grantUser, grants, agent } = await withServer()
    const ids = ['b', 'a', 'c'].map((key) => agent(key))
    for (const id of ids) await grantAgent({}, id)
    await grantUser({ user_id: 'bob' })
    await grantAgent({}, ids[0])
    expect((await grants()).map((grant) => grant['agent_id'] as string)).toEqual(ids)
  })

  rule('listMcpServerGrants.showsEmptyLists', async () => {
    const { grantAgent, grants, agentId, id } = await withServer()
    await grantAgent({ tool_allow: null })
    expect(await grants()).toEqual([
      expect.objectContaining({
        server_id: id,
        agent_id: agentId,
        tool_allow: [],
        tool_deny: [],
        config_overrides: {},
      }),
    ])
  })

  rule('listMcpServerGrants.isEmptyForUnknownServers', async () => {
    const theirs = await withServer()
    await theirs.grantAgent()
    const { get } = mcpTenant(tools)
    for (const id of [theirs.id, randomUUID()]) expect(await get(`/servers/${id}/grants`)).toEqual({ grants: [] })
  })

  rule('grantMcpServerToAgent.replacesTheGrant', async () => {
    const { grantAgent, grants } = await withServer()
    expect(await grantAgent({ tool_allow: ['a'], tool_deny: ['b'] })).toMatchObject({
      status: 201,
      body: { status: 'granted' },
    })
    const [before] = await grants()
    expect((await grantAgent({ tool_allow: ['c'] })).status).toBe(201)
    expect(await grants()).toEqual([{ ...before, tool_allow: ['c'], tool_deny: [] }])
  })

  rule('grantMcpServerToAgent.remembersTheGranter', async () => {
    const { grantAgent, grants } = await withServer()
    await grantAgent()
    expect(await grants()).toMatchObject([{ granted_by: 'ann', enabled: true }])
  })

  rule('grantMcpServerToAgent.requiresAnAgentId', async () => {
    const { grantAgent } = await withServer()
    for (const wrong of ['helper', '', undefined]) expect((await grantAgent({}, wrong ?? null)).status).toBe(400)
  })

  rule('grantMcpServerToAgent.refusesUnknown', async () => {
    const mine = await withServer()
    const theirs = await withServer()
    expect((await mine.grantAgent({}, theirs.agentId)).status).toBe(404)
    const { status, body } = await mine.post(`${theirs.path}/grants/agent`, { agent_id: mine.agentId })
    expect([status, body['error']]).toEqual([404, `MCP server not found: ${theirs.id}`])
    expect(await theirs.grants()).toEqual([])
  })

  rule('grantMcpServerToAgent.isAudited', async () => {
    const { grantAgent, recorded, id, agentId } = await withServer()
    await grantAgent()
    expect(await recorded('mcpServerAgentGranted')).toMatchObject({
      action: 'mcp_server.agent_granted',
      data: { id, agentId, actorId: 'ann' },
    })
  })

  rule('revokeMcpServerFromAgent.isIdempotent', async () => {
    const { grantAgent, grants, remove, path, agentId } = await withServer()
    await grantAgent()
    for (let time = 0; time < 2; time++)
      expect(await remove(`${path}/grants/agent/${agentId}`)).toMatchObject({
        status: 200,
        body: { status: 'revoked' },
      })
    expect(await grants()).toEqual([])
    const theirs = await withServer()
    await theirs.grantAgent()
    expect((await remove(`${theirs.path}/grants/agent/${theirs.agentId}`)).status).toBe(404)
    expect(await theirs.grants()).toHaveLength(1)
  })

  rule('revokeMcpServerFromAgent.isAudited', async () => {
    const { grantAgent, remove, recorded, path, id, agentId } = await withServer()
    await grantAgent()
    await remove(`${path}/grants/agent/${agentId}`)
    expect(await recorded('mcpServerAgentRevoked')).toMatchObject({
      action: 'mcp_server.agent_revoked',
      data: { id, agentId },
    })
  })

  rule('listMcpGrantsOfAgent.listsEveryGrant', async () => {
    const { server, post, get, agentId, id, grantAgent } = await withServer()
    const other = await server({ name: 'other' })
    await grantAgent({ tool_allow: ['a'] })
    await post(`/servers/${other}/grants/agent`, { agent_id: agentId })
    const { grants } = await get(`/grants/agent/${agentId}`)
    expect(grants).toMatchObject([
      { server_id: id, tool_allow: ['a'] },
      { server_id: other, tool_allow: [] },
    ])
  })

  rule('listMcpGrantsOfAgent.takesIdOrKey', async () => {
    const { get, ask, agent, admin, grantAgent, id } = await withServer()
    agent('idle')
    await grantAgent()
    expect(await get('/grants/agent/helper')).toMatchObject({ grants: [{ server_id: id }] })
    expect(await get('/grants/agent/idle')).toEqual({ grants: [] })
    const theirs = await withServer()
    for (const unknown of ['nobody', theirs.agentId])
      expect((await ask(admin, 'GET', `/grants/agent/${unknown}`)).status).toBe(404)
  })
})

describe('grants of users', () => {
  rule('grantMcpServerToUser.replacesTheGrant', async () => {
    const { grantUser, remove, path, recorded } = await withServer()
    for (const tool_deny of [['a'], ['b']])
      expect(await grantUser({ user_id: 'bob', tool_deny })).toMatchObject({ status: 201, body: { status: 'granted' } })
    // One to be taken away again.
    await remove(`${path}/grants/user/bob`)
    await remove(`${path}/grants/user/bob`)
    await recorded('mcpServerUserRevoked')
  })

  rule('grantMcpServerToUser.checksTheUser', async () => {
    const { grantUser } = await withServer()
    for (const user_id of ['', 'u'.repeat(256), undefined]) expect((await grantUser({ user_id })).status).toBe(400)
    expect((await grantUser({ user_id: 'u'.repeat(255) })).status).toBe(201)
  })

  rule('grantMcpServerToUser.refusesUnknown', async () => {
    const mine = await withServer()
    const { path } = await withServer()
    for (const unknown of [path, `/servers/${randomUUID()}`])
      expect((await mine.post(`${unknown}/grants/user`, { user_id: 'bob' })).status).toBe(404)
  })

  rule('grantMcpServerToUser.isAudited', async () => {
    const { grantUser, recorded, id } = await withServer()
    await grantUser({ user_id: 'bob' })
    expect(await recorded('mcpServerUserGranted')).toMatchObject({
      action: 'mcp_server.user_granted',
      data: { id, userId: 'bob', actorId: 'ann' },
    })
  })

  rule('revokeMcpServerFromUser.isIdempotent', async () => {
    const { remove, path, admin } = await withServer()
    expect(await remove(`${path}/grants/user/bob`)).toMatchObject({ status: 200, body: { status: 'revoked' } })
    expect(trail.of(admin.tenantId, 'mcpServerUserRevoked')).toEqual([])
    expect((await remove(`${(await withServer()).path}/grants/user/bob`)).status).toBe(404)
  })

  rule('revokeMcpServerFromUser.checksTheUser', async () => {
    const { remove, path } = await withServer()
    expect((await remove(`${path}/grants/user/${'u'.repeat(256)}`)).status).toBe(400)
  })

  rule('revokeMcpServerFromUser.isAudited', async () => {
    const { grantUser, remove, recorded, path, id } = await withServer()
    await grantUser({ user_id: 'a/b' })
    await remove(`${path}/grants/user/a%2Fb`)
    expect(await recorded('mcpServerUserRevoked')).toMatchObject({
      action: 'mcp_server.user_revoked',
      data: { id, userId: 'a/b' },
    })
  })
})

describe('requests for access', () => {
  const withRequests = async () => {
    const mine = await withServer()
    return {
      ...mine,
      request: (body: object = {}, caller = mine.admin) =>
        mine.ask(caller, 'POST', '/requests', { server_id: mine.id, ...body }),
      review: (id: unknown, body: object = {}) => mine.post(`/requests/${String(id)}/review`, body),
      requests: async (query = '') => (await mine.get(`/requests${query}`))['requests'] as Body[],
    }
  }

  rule('listMcpAccessRequests.ordersByArrival', async () => {
    const { request, requests, review } = await withRequests()
    const ids: unknown[] = []
    for (const reason of ['1', '2', '3']) ids.push((await request({ reason })).body['id'])
    expect((await requests()).map(({ id }) => id as string)).toEqual(ids)
    await review(ids[1])
    expect((await requests()).map(({ reason }) => reason as string)).toEqual(['1', '3'])
    expect(await requests('?status=rejected')).toMatchObject([{ reason: '2' }])
    expect(await requests('?status=approved')).toEqual([])
  })

  rule('listMcpAccessRequests.listsEveryRequest', async () => {
    const { request, requests, id } = await withRequests()
    await request()
    expect(await requests()).toEqual([
      {
        id: expect.any(String),
        server_id: id,
        user_id: 'ann',
        scope: 'user',
        status: 'pending',
        tool_allow: null,
        requested_by: 'ann',
        created_at: expect.any(String),
      },
    ])
  })

  rule('listMcpAccessRequests.isAnEmptyList', async () => {
    const { get } = await withRequests()
    expect(await get('/requests')).toEqual({ requests: [] })
  })

  rule('createMcpAccessRequest.isForOperators', async () => {
    const { request, as } = await withRequests()
    expect((await request({}, as({ role: 'viewer' }))).status).toBe(403)
    expect((await request({}, as({ role: 'operator' }))).status).toBe(201)
  })

  rule('createMcpAccessRequest.requiresAServer', async () => {
    const { post } = await withRequests()
    const theirs = await withServer()
    expect((await post('/requests', { scope: 'user' })).status).toBe(400)
    for (const server_id of [theirs.id, randomUUID()]) expect((await post('/requests', { server_id })).status).toBe(404)
  })

  rule('createMcpAccessRequest.startsPending', async () => {
    const { request } = await withRequests()
    const given = { id: randomUUID(), status: 'approved', requested_by: 'eve', created_at: '2020-01-01T00:00:00Z' }
    const { body } = await request(given)
    expect(body).toMatchObject({ status: 'pending', requested_by: 'ann' })
    expect([body['id'], body['created_at']]).not.toEqual([given.id, expect.stringContaining('2020')])
  })

  rule('createMcpAccessRequest.guessesTheScope', async () => {
    const { request, agentId } = await withRequests()
    expect((await request({ agent_id: agentId })).body).toMatchObject({ scope: 'agent', agent_id: agentId })
    expect((await request()).body).toMatchObject({ scope: 'user', user_id: 'ann' })
    expect((await request({ user_id: 'bob' })).body).toMatchObject({ scope: 'user', user_id: 'bob' })
    expect((await request({ scope: 'team' })).status).toBe(400)
  })

  rule('createMcpAccessRequest.takesItTwice', async () => {
    const { request, requests } = await withRequests()
    for (let time = 0; time < 2; time++) expect((await request()).status).toBe(201)
    expect(await requests()).toHaveLength(2)
  })

  rule('createMcpAccessRequest.needsNoAgentYet', async () => {
    const { request } = await withRequests()
    expect((await request({ scope: 'agent' })).body).toMatchObject({ scope: 'agent', status: 'pending' })
  })

  rule('createMcpAccessRequest.isAudited', async () => {
    const { request, recorded, id: serverId } = await withRequests()
    const { body } = await request()
    expect(await recorded('mcpRequestCreated')).toMatchObject({
      action: 'mcp_request.created',
      data: { id: body['id'], serverId, actorId: 'ann' },
    })
  })

  rule('reviewMcpAccessRequest.grantsOnApproval', async () => {
    const { request, review, grants, grantAgent, agentId } = await withRequests()
    await grantAgent({ tool_allow: ['x'], tool_deny: ['never'] })
    const { body } = await request({ agent_id: agentId, tool_allow: ['a', 'b'] })
    expect(await review(body['id'], { approved: true })).toMatchObject({ status: 200, body: { status: 'approved' } })
    expect(await grants()).toMatchObject([{ agent_id: agentId, tool_allow: ['a', 'b'], tool_deny: ['never'] }])
  })

  rule('reviewMcpAccessRequest.rejectsUnlessApproved', async () => {
    const { request, review, grants, agentId } = await withRequests()
    const decided = async (body: object) => {
      const { body: made } = await request({ agent_id: agentId })
      return (await review(made['id'], body)).body['status'] as string
    }
    expect(await decided({})).toBe('rejected')
    expect(await decided({ approved: false, action: 'approve' })).toBe('rejected')
    expect(await decided({ action: 'reject' })).toBe('rejected')
    expect(await grants()).toEqual([])
    expect(await decided({ action: 'approve' })).toBe('approved')
    expect(await grants()).toHaveLength(1)
  })

  rule('reviewMcpAccessRequest.keepsTheDecision', async () => {
    const { request, requests, review } = await withRequests()
    await review((await request()).body['id'], { note: 'not yet' })
    expect(await requests('?status=rejected')).toMatchObject([
      { reviewed_by: 'ann', reviewed_at: expect.any(String), review_note: 'not yet' },
    ])
  })

  rule('reviewMcpAccessRequest.needsWhomToGrant', async () => {
    const { request, requests, review, as } = await withRequests()
    const agentless = await request({ scope: 'agent' })
    const userless = await request({ scope: 'user' }, as({ userId: '' }))
    for (const { body } of [agentless, userless])
      expect((await review(body['id'], { approved: true })).status).toBe(400)
    expect(await requests()).toHaveLength(2)
  })

  rule('reviewMcpAccessRequest.isDecidedOnce', async () => {
    const mine = await withRequests()
    const theirs = await withRequests()
    const { body } = await mine.request()
    for (const unknown of [randomUUID(), (await theirs.request()).body['id']])
      expect((await mine.review(unknown, { approved: true })).status).toBe(404)
    const decisions = await Promise.all([1, 2, 3].map(() => mine.review(body['id'], { approved: true })))
    expect(decisions.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    expect(await theirs.requests()).toHaveLength(1)
  })

  rule('reviewMcpAccessRequest.isAudited', async () => {
    const { request, review, recorded } = await withRequests()
    const { body } = await request()
    await review(body['id'], { approved: true })
    expect(await recorded('mcpRequestReviewed')).toMatchObject({
      action: 'mcp_request.reviewed',
      data: { id: body['id'], status: 'approved', actorId: 'ann' },
    })
  })
})

describe('credentials of users', () => {
  const withCredentials = async () => {
    const mine = await withServer()
    const path = `${mine.path}/user-credentials`
    return {
      ...mine,
      set: (body: object, caller = mine.admin, query = '') => mine.ask(caller, 'PUT', path + query, body),
      status: (caller = mine.admin, query = '') => mine.ask(caller, 'GET', path + query),
      drop: (caller = mine.admin, query = '') => mine.ask(caller, 'DELETE', path + query),
    }
  }
  const none = { has_credentials: false, has_api_key: false, has_headers: false, has_env: false }

  rule('setMcpUserCredentials.needsAUser', async () => {
    const { set, as } = await withCredentials()
    expect((await set({ api_key: 'k' }, as({ userId: '' }))).status).toBe(400)
  })

  rule('setMcpUserCredentials.isForOneself', async () => {
    const { set, status, as } = await withCredentials()
    const bob = as({ role: 'operator', userId: 'bob' })
    expect((await set({ api_key: 'k' }, bob, '?user_id=ann')).status).toBe(403)
    expect((await set({ api_key: 'k' }, bob, '?user_id=bob')).status).toBe(200)
    expect((await set({ env: { A: 'b' } }, undefined, '?user_id=eve')).status).toBe(200)
    expect((await status(as({ userId: 'eve' }))).body).toMatchObject({ has_env: true, has_api_key: false })
    expect((await status()).body).toEqual(none)
  })

  rule('setMcpUserCredentials.replacesAll', async () => {
    const { set, status } = await withCredentials()
    await set({ api_key: 'k', headers: { A: 'b' } })
    expect(await set({ env: { A: 'b' } })).toMatchObject({ status: 200, body: { status: 'updated' } })
    expect((await status()).body).toEqual({ ...none, has_credentials: true, has_env: true })
  })

  it('that are set many times at once are those of one of them', async () => {
    const { set, status } = await withCredentials()
    const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => set({ env: { A: String(at) } })))
    expect(answers.filter(({ status: code }) => code !== 200)).toEqual([])
    expect((await status()).body).toEqual({ ...none, has_credentials: true, has_env: true })
  })

  rule('setMcpUserCredentials.refusesUnknownServers', async () => {
    const { ask, admin } = await withCredentials()
    for (const id of [randomUUID(), (await withServer()).id])
      expect((await ask(admin, 'PUT', `/servers/${id}/user-credentials`, { api_key: 'k' })).status).toBe(404)
  })

  rule('setMcpUserCredentials.sealsSecrets', async () => {
    const { set, status, admin } = await withCredentials()
    await set({ api_key: 's3cret' })
    expect(JSON.stringify((await status()).body)).not.toContain('s3cret')
    const { rows } = await tools.mesh
      .database('tools')
      .forTenant(admin.tenantId)
      .query<{ secrets: string }>('SELECT secrets FROM tools.mcp_user_credentials')
    expect(rows[0]!.secrets).toMatch(/^mesh2:/)
  })

  rule('getMcpUserCredentialStatus.showsPresence', async () => {
    const { set, status } = await withCredentials()
    expect((await status()).body).toEqual(none)
    await set({ api_key: 'k', headers: { A: 'b' }, env: { C: 'd' } })
    expect((await status()).body).toEqual({
      has_credentials: true,
      has_api_key: true,
      has_headers: true,
      has_env: true,
    })
  })

  rule('getMcpUserCredentialStatus.isForOneself', async () => {
    const { status, as } = await withCredentials()
    expect((await status(as({ role: 'viewer', userId: 'bob' }), '?user_id=ann')).status).toBe(403)
    expect((await status(as({ userId: '' }))).status).toBe(400)
    expect((await status(undefined, '?user_id=bob')).status).toBe(200)
  })

  rule('deleteMcpUserCredentials.isIdempotent', async () => {
    const { set, status, drop } = await withCredentials()
    await set({ api_key: 'k' })
    for (let time = 0; time < 2; time++)
      expect(await drop()).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect((await status()).body).toEqual(none)
  })

  rule('deleteMcpUserCredentials.isForOneself', async () => {
    const { set, status, drop, as } = await withCredentials()
    await set({ api_key: 'k' })
    expect((await drop(as({ role: 'operator', userId: 'bob' }), '?user_id=ann')).status).toBe(403)
    expect((await drop(as({ userId: '' }))).status).toBe(400)
    expect((await status()).body).toMatchObject({ has_credentials: true })
  })
})

test('with an agent go its grants and what was asked for it', async () => {
  const { grantAgent, grants, post, get, admin, id, agentId } = await withServer()
  await grantAgent()
  await post('/requests', { server_id: id, agent_id: agentId })
  await tools.bus.publishDurable([outboxRow('agentDeleted', admin.tenantId, { id: agentId, actorId: 'ann' })])
  await eventually('nothing is left of the agent', async () => {
    const { requests } = await get('/requests')
    return (await grants()).length === 0 && (requests as Body[]).length === 0
  })
})
