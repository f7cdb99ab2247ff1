import { testCaller } from '../../../test/support/service-harness.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { startChannels, type ChannelsHarness } from './support.ts'

let channels: ChannelsHarness
beforeAll(async () => {
  channels = await startChannels()
})
afterAll(() => channels.stop())

const path = '/v1/channels/instances'
const unknownId = '0193a5b0-7000-7000-8000-00000000ffff'
const operator = testCaller({ role: 'operator' })

describe('creating an instance', () => {
  it('answers the whole instance, with what was left out at its default', async () => {
    const { admin, agentId } = channels.tenant()
    const { status, body } = await channels.request(admin, 'POST', path, {
      name: ' support ',
      channel_type: 'slack',
      agent_id: agentId,
    })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'support',
      display_name: '',
      channel_type: 'slack',
      agent_id: agentId,
      config: {},
      enabled: true,
      is_default: false,
      has_credentials: false,
      credentials: {},
      created_by: 'alice',
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect((await channels.request(admin, 'GET', `${path}/${String(body['id'])}`)).body).toEqual(body)
  })

  rule('createChannelInstance.takesAgentKeys', async () => {
    const { admin, agentId } = channels.tenant()
    expect(await channels.create(admin, { agent_id: 'helper' })).toMatchObject({ agent_id: agentId })
  })

  it(ruleName('createChannelInstance.takesAgentKeys', 'not those of another tenant'), async () => {
    const { admin } = channels.tenant()
    const { agentId } = channels.tenant()
    const input = { name: 'x', channel_type: 'slack', agent_id: agentId }
    const { status, body } = await channels.request(admin, 'POST', path, input)
    expect(status).toBe(404)
    expect(body).toMatchObject({ code: 'NOT_FOUND', error: `agent not found: ${agentId}` })
  })

  rule('createChannelInstance.keepsNamesUnique', async () => {
    const { admin } = channels.tenant()
    await channels.create(admin, { name: 'twice' })
    const input = { name: 'twice', channel_type: 'slack', agent_id: 'helper' }
    const { status, body } = await channels.request(admin, 'POST', path, input)
    expect(status).toBe(409)
    expect(body).toMatchObject({
      ...{ code: 'ALREADY_EXISTS', retryable: false },
      error: 'channel instance already exists: twice',
    })
    await channels.create(channels.tenant().admin, { name: 'twice' })
  })

  it.each([
    ['no name', { channel_type: 'slack', agent_id: 'helper' }, 'name'],
    ['a blank name', { name: '  ', channel_type: 'slack', agent_id: 'helper' }, 'name'],
    ['a name of 101 characters', { name: 'x'.repeat(101), channel_type: 'slack', agent_id: 'helper' }, 'name'],
    ['no agent', { name: 'x', channel_type: 'slack' }, 'agent_id'],
    ['no type', { name: 'x', agent_id: 'helper' }, 'channel_type'],
    ['credentials that are a list', { name: 'x', channel_type: 'slack', agent_id: 'helper', credentials: [] }, 'cred'],
    ['a config that is a text', { name: 'x', channel_type: 'slack', agent_id: 'helper', config: 'x' }, 'config'],
    ['enabled as a text', { name: 'x', channel_type: 'slack', agent_id: 'helper', enabled: 'yes' }, 'enabled'],
  ])(ruleName('createChannelInstance.requiresNameTypeAndAgent', '%s'), async (_, input, field) => {
    const { admin } = channels.tenant()
    const { status, body } = await channels.request(admin, 'POST', path, input)
    expect(status).toBe(400)
    expect(body['code']).toBe('INVALID_REQUEST')
    expect(body['error']).toContain(field)
  })

  rule('createChannelInstance.refusesUnknownTypes', async () => {
    const input = { name: 'x', channel_type: 'fax', agent_id: 'helper' }
    const { status, body } = await channels.request(channels.tenant().admin, 'POST', path, input)
    expect([status, body['code']]).toEqual([400, 'INVALID_REQUEST'])
    expect(body['error']).toContain('channel_type')
  })

  rule('createChannelInstance.isForAdmins', async () => {
    expect((await channels.request(operator, 'POST', path, {})).status).toBe(403)
  })

  rule('createChannelInstance.defaultsToEnabled', async () => {
    const { admin } = channels.tenant()
    const byBob = { ...admin, userId: 'bob' }
    expect(await channels.create(byBob)).toMatchObject({ enabled: true, created_by: 'bob' })
    expect(await channels.create(byBob, { enabled: false })).toMatchObject({ enabled: false })
  })

  rule('createChannelInstance.showsAnEmptyConfig', async () => {
    const { admin } = channels.tenant()
    for (const config of [undefined, null, {}])
      expect(await channels.create(admin, { config })).toMatchObject({ config: {} })
  })

  rule('createChannelInstance.needsNoCredentials', async () => {
    const { admin } = channels.tenant()
    for (const credentials of [undefined, null, {}])
      expect(await channels.create(admin, { channel_type: 'zalo_personal', credentials })).toMatchObject({
        has_credentials: false,
        credentials: {},
      })
  })

  it(ruleName('createChannelInstance.keepsNamesUnique', 'with a slash'), async () => {
    expect(await channels.create(channels.tenant().admin, { name: 'sales/eu' })).toMatchObject({ name: 'sales/eu' })
  })
})

describe('changing an instance', () => {
  rule('updateChannelInstance.isForAdmins', async () => {
    expect((await channels.request(operator, 'PUT', `${path}/${unknownId}`, {})).status).toBe(403)
  })

  rule('updateChannelInstance.answersAStatus', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin)
    const { status, body } = await channels.request(admin, 'PUT', `${path}/${id}`, { enabled: false })
    expect([status, body]).toEqual([200, { status: 'updated' }])
  })

  rule('updateChannelInstance.refusesUnknownInstances', async () => {
    for (const body of [{ enabled: false }, {}])
      expect((await channels.request(channels.tenant().admin, 'PUT', `${path}/${unknownId}`, body)).status).toBe(404)
  })

  rule('updateChannelInstance.replacesTheConfig', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { config: { dm_policy: 'open', own: { a: 1 } } })
    const config = async () => (await channels.request(admin, 'GET', `${path}/${id}`)).body['config']
    await channels.request(admin, 'PUT', `${path}/${id}`, { display_name: 'Other' })
    expect(await config()).toEqual({ dm_policy: 'open', own: { a: 1 } })
    await channels.request(admin, 'PUT', `${path}/${id}`, { config: { own: { b: 2 } } })
    expect(await config()).toEqual({ own: { b: 2 } })
  })

  rule('updateChannelInstance.writesWhatIsGiven', async () => {
    const { admin } = channels.tenant()
    const { id, name } = await channels.create(admin, {
      display_name: 'Before',
      config: { dm_policy: 'open', allow_from: ['bob'] },
    })
    const { status, body } = await channels.request(admin, 'PUT', `${path}/${id}`, {
      display_name: 'After',
      enabled: false,
      config: { dm_policy: 'pairing' },
      channel_type: 'discord',
      made_up: true,
    })
    expect([status, body]).toEqual([200, { status: 'updated' }])
    expect((await channels.request(admin, 'GET', `${path}/${id}`)).body).toMatchObject({
      name,
      display_name: 'After',
      enabled: false,
      config: { dm_policy: 'pairing' },
      channel_type: 'discord',
    })
  })

  rule('updateChannelInstance.foldsFieldsIntoConfig', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { config: { dm_policy: 'open', group_policy: 'open' } })
    const config = async () => (await channels.request(admin, 'GET', `${path}/${id}`)).body['config']
    await channels.request(admin, 'PUT', `${path}/${id}`, { group_policy: 'disabled', allow_from: ['bob'] })
    expect(await config()).toEqual({ dm_policy: 'open', group_policy: 'disabled', allow_from: ['bob'] })
    await channels.request(admin, 'PUT', `${path}/${id}`, { config: {}, metadata: { team: 'a' } })
    expect(await config()).toEqual({ metadata: { team: 'a' } })
    await channels.request(admin, 'PUT', `${path}/${id}`, { config: null })
    expect(await config()).toEqual({})
    await channels.request(admin, 'PUT', `${path}/${id}`, { webhook_secret: 'hush' })
    const { body } = await channels.request(admin, 'GET', `${path}/${id}`)
    expect([body['config'], body['credentials']]).toEqual([{}, { webhook_secret: '***' }])
  })

  it(ruleName('updateChannelInstance.checksWhatIsGiven', 'the agent'), async () => {
    const { admin } = channels.tenant()
    const { agentId: foreign } = channels.tenant()
    const other = channels.addAgent(admin, 'other')
    const { id } = await channels.create(admin)
    expect((await channels.request(admin, 'PUT', `${path}/${id}`, { agent_id: foreign })).status).toBe(404)
    expect((await channels.request(admin, 'PUT', `${path}/${id}`, { agent_id: 'other' })).status).toBe(200)
    expect((await channels.request(admin, 'GET', `${path}/${id}`)).body['agent_id']).toBe(other)
  })

  rule('updateChannelInstance.keepsNamesUnique', async () => {
    const { admin } = channels.tenant()
    await channels.create(admin, { name: 'taken' })
    const { id } = await channels.create(admin)
    expect((await channels.request(admin, 'PUT', `${path}/${id}`, { name: 'taken' })).status).toBe(409)
  })

  it.each([
    ['name', { name: '' }],
    ['channel_type', { channel_type: 'fax' }],
    ['allow_from', { allow_from: 'bob' }],
    ['webhook_secret', { webhook_secret: 7 }],
  ])(ruleName('updateChannelInstance.checksWhatIsGiven', '%s'), async (field, input) => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin)
    const { status, body } = await channels.request(admin, 'PUT', `${path}/${id}`, input)
    expect(status).toBe(400)
    expect(body['error']).toContain(field)
  })

  it(ruleName('updateChannelInstance.mergesCredentials', 'by several at once'), async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'one' } })
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const put = (name: string) =>
      channels.request(admin, 'PUT', `${path}/${id}`, { credentials: { [name]: name }, metadata: { [name]: name } })
    expect((await Promise.all(names.map(put))).map(({ status }) => status)).toEqual(names.map(() => 200))
    const { body } = await channels.request<{ credentials: object }>(admin, 'GET', `${path}/${id}`)
    expect(Object.keys(body.credentials).sort()).toEqual([...names, 'token'])
  })
})

describe('deleting an instance', () => {
  rule('deleteChannelInstance.isForAdmins', async () => {
    expect((await channels.request(operator, 'DELETE', `${path}/${unknownId}`)).status).toBe(403)
  })

  rule('deleteChannelInstance.keepsDefaultInstances', async () => {
    const { admin } = channels.tenant()
    for (const name of ['telegram', 'discord', 'feishu', 'zalo_oa', 'whatsapp', 'sales/default']) {
      const { id } = await channels.create(admin, { name })
      const { status, body } = await channels.request(admin, 'DELETE', `${path}/${id}`)
      expect(status).toBe(403)
      expect(body).toMatchObject({ code: 'UNAUTHORIZED', error: 'cannot delete default channel instance' })
      expect((await channels.request(admin, 'GET', `${path}/${id}`)).body['is_default']).toBe(true)
    }
  })

  rule('deleteChannelInstance.makesItUnknown', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin)
    expect((await channels.request(admin, 'DELETE', `${path}/${id}`)).body).toEqual({ status: 'deleted' })
    for (const [method, body] of [['GET'], ['PUT', { enabled: true }], ['DELETE']] as const)
      expect((await channels.request(admin, method, `${path}/${id}`, body)).status).toBe(404)
  })
})

describe('an instance of another tenant', () => {
  it('can be neither seen, changed, deleted nor counted', async () => {
    const { admin } = channels.tenant()
    const { admin: stranger } = channels.tenant()
    const { id } = await channels.create(admin, { display_name: 'Mine', credentials: { token: 'x' } })
    const calls = [['GET'], ['PUT', { display_name: 'Theirs', credentials: null }], ['DELETE']] as const
    for (const [method, body] of calls)
      expect((await channels.request(stranger, method, `${path}/${id}`, body)).status).toBe(404)
    const list = await channels.request(stranger, 'GET', path)
    expect(list.body).toMatchObject({ instances: [], total: 0 })
    const { body } = await channels.request(admin, 'GET', `${path}/${id}`)
    expect(body).toMatchObject({ display_name: 'Mine', has_credentials: true })
  })
})

rule('getChannelInstance.answersTheInstanceAlone', async () => {
  const { admin } = channels.tenant()
  const { admin: stranger } = channels.tenant()
  const { id } = await channels.create(admin)
  expect((await channels.request(admin, 'GET', `${path}/${id}`)).body['id']).toBe(id)
  for (const [caller, wanted] of [
    [stranger, id],
    [admin, unknownId],
  ] as const) {
    const { status, body } = await channels.request(caller, 'GET', `${path}/${wanted}`)
    expect([status, body['code']]).toEqual([404, 'NOT_FOUND'])
  }
})

it(ruleName('getChannelInstance.answersTheInstanceAlone', 'an id that is none'), async () => {
  const { status, body } = await channels.request(channels.tenant().admin, 'GET', `${path}/42`)
  expect(status).toBe(400)
  expect(body['error']).toContain('id')
})

it('answers under the alias paths too', async () => {
  const { admin } = channels.tenant()
  const alias = '/v1/channel-instances'
  const input = { name: 'aliased', channel_type: 'feishu', agent_id: 'helper' }
  const { status, body } = await channels.request(admin, 'POST', alias, input)
  expect(status).toBe(201)
  const one = `${alias}/${String(body['id'])}`
  expect((await channels.request(admin, 'GET', alias)).body['total']).toBe(1)
  expect((await channels.request(admin, 'PUT', one, { enabled: false })).body).toEqual({ status: 'updated' })
  expect((await channels.request(admin, 'GET', one)).body).toMatchObject({ name: 'aliased', enabled: false })
  expect((await channels.request(admin, 'DELETE', one)).body).toEqual({ status: 'deleted' })
})
