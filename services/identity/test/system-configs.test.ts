import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { startIdentity, type IdentityHarness } from './support.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'

let harness: IdentityHarness
let tenants = 0

beforeAll(async () => {
  harness = await startIdentity()
})
afterAll(() => harness.stop())

const configs = '/v1/system-configs'
const admin = async () => testCaller({ role: 'admin', tenantId: await harness.tenant(`configs ${++tenants}`) })

describe('system configs', () => {
  rule('listSystemConfigs.isAPlainObject', async () => {
    const caller = await admin()
    const path = `${configs}/agent.default_model`
    expect(await harness.request(caller, 'PUT', path, { value: 'first' })).toMatchObject({
      status: 200,
      body: { key: 'agent.default_model', value: 'first' },
    })
    await harness.request(caller, 'PUT', path, { value: 'second' })
    await harness.request(caller, 'PUT', `${configs}/anything-else_1`, { value: 'x' })
    expect((await harness.request(caller, 'GET', path)).body).toEqual({ key: 'agent.default_model', value: 'second' })
    expect((await harness.request(caller, 'GET', configs)).body).toEqual({
      'agent.default_model': 'second',
      'anything-else_1': 'x',
    })
  })

  rule('deleteSystemConfig.isSilent', async () => {
    const caller = await admin()
    const path = `${configs}/agent.default_model`
    await harness.request(caller, 'PUT', path, { value: 'first' })
    for (let times = 0; times < 2; times++) {
      const remove = async () => {
        const gone = await harness.request(caller, 'DELETE', path)
        expect([gone.status, gone.body, gone.headers.get('content-type')]).toEqual([204, '', null])
      }
      expect(await harness.evictedDuring(remove)).toEqual([{ kind: 'system_configs', tenantId: caller.tenantId }])
    }
    expect(await harness.eventsOf('systemConfigDeleted', caller.tenantId)).toHaveLength(1)
  })

  rule('getSystemConfig.answers404WhenUnset', async () => {
    const { status, body } = await harness.request(await admin(), 'GET', `${configs}/agent.default_model`)
    expect([status, body['code']]).toEqual([404, 'NOT_FOUND'])
    expect(body['error']).toContain('agent.default_model')
  })

  rule('setSystemConfig.replaces', async () => {
    const caller = await admin()
    expect((await harness.request(caller, 'PUT', `${configs}/empty`, {})).body).toEqual({ key: 'empty', value: '' })
    expect((await harness.request(caller, 'GET', `${configs}/empty`)).body).toEqual({ key: 'empty', value: '' })
    await harness.request(caller, 'PUT', `${configs}/empty`, { value: 'filled' })
    expect((await harness.request(caller, 'GET', `${configs}/empty`)).body).toEqual({ key: 'empty', value: 'filled' })
  })

  it('may be read by every role and written by admins only', async () => {
    const { tenantId, ...rest } = await admin()
    await harness.request({ tenantId, ...rest }, 'PUT', `${configs}/shared`, { value: 'x' })
    for (const role of ['viewer', 'operator'] as const) {
      const caller = testCaller({ role, tenantId })
      expect((await harness.request(caller, 'GET', configs)).body).toEqual({ shared: 'x' })
      expect((await harness.request(caller, 'GET', `${configs}/shared`)).status).toBe(200)
      expect((await harness.request(caller, 'PUT', `${configs}/shared`, { value: 'y' })).status).toBe(403)
      expect((await harness.request(caller, 'DELETE', `${configs}/shared`)).status).toBe(403)
    }
  })

  rule('listSystemConfigs.isOfTheCallersTenant', async () => {
    const [mine, theirs] = [await admin(), await admin()]
    const master = testCaller({ role: 'admin', tenantId: masterTenantId })
    await harness.request(master, 'PUT', `${configs}/note`, { value: 'of the master tenant' })
    await harness.request(theirs, 'PUT', `${configs}/note`, { value: 'theirs' })
    expect((await harness.request(mine, 'GET', `${configs}/note`)).status).toBe(404)
    expect((await harness.request(mine, 'GET', configs)).body).toEqual({})
    await harness.request(mine, 'PUT', `${configs}/note`, { value: 'mine' })
    await harness.request(mine, 'DELETE', `${configs}/note`)
    expect((await harness.request(theirs, 'GET', `${configs}/note`)).body['value']).toBe('theirs')
  })

  rule('setSystemConfig.isRecorded', async () => {
    const caller = await admin()
    const { tenantId } = caller
    const evicted = [{ kind: 'system_configs', tenantId }]
    const put = () => harness.request(caller, 'PUT', `${configs}/tts.mode`, { value: 'a private matter' })
    expect(await harness.evictedDuring(put)).toEqual(evicted)
    const set = await harness.event('systemConfigSet', tenantId, 'tts.mode')
    expect(set.data).toEqual({ id: 'tts.mode', actorId: 'alice' })
    expect(JSON.stringify(set)).not.toContain('private')
    expect(await harness.evictedDuring(() => harness.request(caller, 'DELETE', `${configs}/tts.mode`))).toEqual(evicted)
    await harness.event('systemConfigDeleted', tenantId, 'tts.mode')
  })

  it('reach a service that caches them as soon as they change', async () => {
    const caller = await admin()
    const cache = harness.mesh.cache<Record<string, string>>('system_configs', 10)
    const identity = harness.rpc(IdentityServiceService)
    const read = () =>
      cache.get(caller.tenantId, 'all', async () => (await identity.listSystemConfigs(harness.call(caller), {})).values)
    expect(await read()).toEqual({})
    await harness.request(caller, 'PUT', `${configs}/agent.default_model`, { value: 'new' })
    expect(await read()).toEqual({ 'agent.default_model': 'new' })
    await harness.request(caller, 'DELETE', `${configs}/agent.default_model`)
    expect(await read()).toEqual({})
  })

  it('answer 404 in a tenant that is gone', async () => {
    const { status, body } = await harness.request(testCaller(), 'PUT', `${configs}/x`, { value: 'y' })
    expect([status, body['code']]).toEqual([404, 'NOT_FOUND'])
  })
})

describe('set by another service', () => {
  const set = async (caller: Caller, key: string, value: string) =>
    harness.rpc(IdentityServiceService).setSystemConfig(harness.call(caller), { key, value })

  const expectAudited = async (key: string) => {
    const caller = await admin()
    await set(caller, key, 'openai')
    const audited = await harness.event('systemConfigSet', caller.tenantId, key)
    expect(audited).toMatchObject({ data: { actorId: caller.userId } })
    expect((await harness.request(caller, 'GET', configs)).body).toEqual({ [key]: 'openai' })
  }
  rule('tts.enable.isAudited', () => expectAudited('tts.auto'))
  rule('tts.disable.isAudited', () => expectAudited('tts.auto'))
  rule('tts.setProvider.isAudited', () => expectAudited('tts.provider'))

  it('are for admins, and no secrets', async () => {
    const caller = await admin()
    const operator = { ...caller, role: 'operator' } as const
    await expect(set(operator, 'tts.auto', 'off')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(set(caller, 'tts.openai.api_key', 'x')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    expect((await harness.request(caller, 'GET', configs)).body).toEqual({})
  })
})

describe('bad input', () => {
  it('is refused of other services too', async () => {
    const caller = await admin()
    const set = (key: string, value: string) =>
      harness.rpc(IdentityServiceService).setSystemConfig(harness.call(caller), { key, value })
    for (const key of ['', 'a b', 'x'.repeat(101), 'café'])
      await expect(set(key, 'x')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    const space = 65_536 - JSON.stringify({ value: '' }).length
    await expect(set('x', 'v'.repeat(space + 1))).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect((await harness.request(caller, 'GET', configs)).body).toEqual({})
    await set('x', 'v'.repeat(space))
  })

  it.each(['a%20b', 'a%2Fb', 'x'.repeat(101), 'caf%C3%A9', '%0a', 'a%0a'])('is 400 for the key %s', async (key) => {
    const caller = await admin()
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { value: 'x' } : undefined
      const answer = await harness.request(caller, method, `${configs}/${key}`, body)
      expect([method, answer.status]).toEqual([method, 400])
      expect(answer.body['error']).toContain('key')
    }
  })

  it.each([[7], [true], [null], [['x']], [{}]])('is 400 naming the field for the value %j', async (value) => {
    const caller = await admin()
    const { status, body } = await harness.request(caller, 'PUT', `${configs}/x`, { value })
    expect(status).toBe(400)
    expect(body['error']).toContain('value')
    expect((await harness.request(caller, 'GET', configs)).body).toEqual({})
  })

  rule('setSystemConfig.checksKeyAndValue', async () => {
    const caller = await admin()
    const space = 65_536 - JSON.stringify({ value: '' }).length
    const put = (length: number) => harness.request(caller, 'PUT', `${configs}/x`, { value: 'v'.repeat(length) })
    expect((await put(space + 1)).status).toBe(413)
    expect((await put(space)).status).toBe(200)
    for (const key of ['a b', 'x'.repeat(101), 'café'].map(encodeURIComponent))
      expect((await harness.request(caller, 'PUT', `${configs}/${key}`, { value: 'x' })).status).toBe(400)
    expect((await harness.request(caller, 'PUT', `${configs}/x`, { value: 7 })).status).toBe(400)
  })
})

describe('keys that hold secrets', () => {
  it.each([
    'gateway.token',
    'tts.openai.api_key',
    'tts.elevenlabs.api_key',
    'tts.minimax.api_key',
    'tts.minimax.group_id',
    'tools.web.brave.api_key',
    'tailscale.auth_key',
    'Gateway.Token',
  ])(ruleName('setSystemConfig.refusesSecrets', '%s'), async (key) => {
    const caller = await admin()
    const answers = [
      await harness.request(caller, 'PUT', `${configs}/${key}`, { value: 'hush' }),
      await harness.request(caller, 'GET', `${configs}/${key}`),
      await harness.request(caller, 'DELETE', `${configs}/${key}`),
    ]
    for (const { status, body } of answers) {
      expect([status, body['code']]).toEqual([400, 'INVALID_REQUEST'])
      expect(body['error']).toContain(key)
    }
    expect((await harness.request(caller, 'GET', configs)).body).toEqual({})
  })

  rule('listSystemConfigs.hidesSecrets', async () => {
    const caller = await admin()
    await harness.mesh
      .database('identity')
      .pool.query(`INSERT INTO identity.system_configs (tenant_id, key, value) VALUES ($1, $2, 'hush')`, [
        caller.tenantId,
        'Gateway.Token',
      ])
    expect((await harness.request(caller, 'GET', configs)).body).toEqual({})
  })
})
