import { rule, ruleName } from '../../../test/support/rule.ts'
import { createChannelsService } from '../src/service.ts'
import { startChannels, type ChannelsHarness } from './support.ts'
import { collecting, createTestPlatform } from './test-platform.ts'

let channels: ChannelsHarness
beforeAll(async () => {
  const { adapter } = createTestPlatform()
  channels = await startChannels(
    createChannelsService({ table: { telegram: async () => adapter }, receive: collecting().receive }),
  )
})
afterAll(() => channels.stop())

const path = '/v1/channels/instances'
const credentials = { token: 'first' }

rule('createChannelInstance.checksSettings', async () => {
  const { admin } = channels.tenant()
  const input = { name: 'x', channel_type: 'telegram', agent_id: 'helper' }
  for (const [settings, field] of [
    [{ config: { poll_seconds: 0 } }, 'config.poll_seconds'],
    [{ config: { allow_from: 'bob' } }, 'config.allow_from'],
    [{ credentials: { token: 7 } }, 'credentials.token'],
    [{ credentials: { app_id: 'a' } }, 'credentials.token'],
  ] as const) {
    const { status, body } = await channels.request(admin, 'POST', path, { ...input, ...settings })
    expect([status, body['code']]).toEqual([400, 'INVALID_REQUEST'])
    expect(body['error']).toContain(field)
  }
  // As they were given, not as the adapter reads them.
  expect(await channels.create(admin, { credentials, config: { own: 1 } })).toMatchObject({ config: { own: 1 } })
  await channels.create(admin)
  await channels.create(admin, { channel_type: 'slack', config: { poll_seconds: 0 }, credentials: { token: 7 } })
})

describe(ruleName('updateChannelInstance.checksSettings'), () => {
  const put = async (stored: object, changes: object) => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, stored)
    const { status, body } = await channels.request(admin, 'PUT', `${path}/${id}`, changes)
    const after = await channels.request(admin, 'GET', `${path}/${id}`)
    return { status, error: String(body['error']), after: after.body }
  }

  it.each([
    ['a config', { credentials }, { config: { poll_seconds: 61 } }, 'config.poll_seconds'],
    ['an entry folded into the config', { config: { poll_seconds: 5 } }, { config: { poll_seconds: 'x' } }, 'config'],
    ['credentials', { credentials }, { credentials: { token: 'a' } }, 'credentials.token'],
    ['a secret beside no token', {}, { webhook_secret: 'hush' }, 'credentials.token'],
    [
      'a type that cannot use what is stored',
      { channel_type: 'slack', credentials: { bot: 'x' } },
      { channel_type: 'telegram' },
      'credentials.token',
    ],
  ])('%s that cannot be run is refused and not stored', async (_, stored, changes, field) => {
    const { status, error, after } = await put(stored, changes)
    expect(status).toBe(400)
    expect(error).toContain(field)
    expect(after).toMatchObject({ enabled: true, ...('config' in stored ? { config: stored.config } : {}) })
    expect(after['channel_type']).toBe('channel_type' in stored ? 'slack' : 'telegram')
  })

  it('what can be run is stored', async () => {
    const changes = { credentials: { extra: 'x' }, config: { poll_seconds: 5 }, allow_from: ['bob'] }
    const { status, after } = await put({ credentials }, changes)
    expect(status).toBe(200)
    expect(after).toMatchObject({
      config: { poll_seconds: 5, allow_from: ['bob'] },
      credentials: { token: '***', extra: '***' },
    })
    expect((await put({ credentials }, { credentials: null })).status).toBe(200)
    expect((await put({ credentials }, { channel_type: 'slack', config: { poll_seconds: 0 } })).status).toBe(200)
  })
})
