import { rule, ruleName } from '../../../test/support/rule.ts'
import { startChannels, type ChannelsHarness } from './support.ts'
import { mergeCredentials } from '../src/instances/credentials.ts'

let channels: ChannelsHarness
beforeAll(async () => {
  channels = await startChannels()
})
afterAll(() => channels.stop())

const path = '/v1/channels/instances'
const credentialsOf = async (caller: Parameters<ChannelsHarness['create']>[0], id: string) => {
  const { body } = await channels.request(caller, 'GET', `${path}/${id}`)
  return { has: body['has_credentials'], shown: body['credentials'] }
}

describe('stored credentials', () => {
  rule('createChannelInstance.sealsCredentials', async () => {
    const { admin } = channels.tenant()
    const secret = 'xoxb-very-secret-value'
    const input = { name: 'masked', channel_type: 'slack', agent_id: 'helper', credentials: { bot_token: secret } }
    const created = await channels.request(admin, 'POST', path, input)
    const one = `${path}/${String(created.body['id'])}`
    const answers = [
      created,
      await channels.request(admin, 'GET', one),
      await channels.request(admin, 'GET', path),
      await channels.request(admin, 'PUT', one, { credentials: { app_token: secret } }),
      await channels.request(admin, 'POST', path, input),
    ]
    expect(created.body).toMatchObject({ has_credentials: true, credentials: { bot_token: '***' } })
    expect(JSON.stringify(answers)).not.toContain(secret)
    expect(await channels.stored()).toContain('mesh2:')
    expect(await channels.stored()).not.toContain(secret)
  })

  rule('updateChannelInstance.keepsMaskedCredentials', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'kept' } })
    const before = await channels.request(admin, 'GET', `${path}/${id}`)
    await channels.request(admin, 'PUT', `${path}/${id}`, before.body)
    expect(await credentialsOf(admin, id)).toEqual({ has: true, shown: { token: '***' } })
  })

  rule('updateChannelInstance.mergesCredentials', async () => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { app_id: 'a', app_secret: '***' } })
    expect(await credentialsOf(admin, id)).toEqual({ has: true, shown: { app_id: '***' } })
    await channels.request(admin, 'PUT', `${path}/${id}`, { credentials: { app_secret: 'b' }, webhook_secret: 'c' })
    expect(await credentialsOf(admin, id)).toEqual({
      has: true,
      shown: { app_id: '***', app_secret: '***', webhook_secret: '***' },
    })
  })

  it.each([[null], [{}]])(ruleName('updateChannelInstance.clearsCredentials', '%j'), async (credentials) => {
    const { admin } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'gone' } })
    await channels.request(admin, 'PUT', `${path}/${id}`, { credentials })
    expect(await credentialsOf(admin, id)).toEqual({ has: false, shown: {} })
  })

  it('cannot be opened as those of another tenant', async () => {
    const { admin } = channels.tenant()
    const { admin: thief } = channels.tenant()
    const { id } = await channels.create(admin, { credentials: { token: 'mine' } })
    const { id: stolen } = await channels.create(thief, { credentials: { token: 'other' } })
    const { pool } = channels.mesh.database('channels')
    await pool.query(
      `UPDATE channels.channel_instances SET credentials =
         (SELECT credentials FROM channels.channel_instances WHERE id = $1) WHERE id = $2`,
      [id, stolen],
    )
    const { status } = await channels.request(thief, 'PUT', `${path}/${stolen}`, { credentials: { x: 'y' } })
    expect(status).toBe(500)
    expect((await channels.request(thief, 'PUT', `${path}/${stolen}`, { credentials: null })).status).toBe(200)
  })
})

describe('merging', () => {
  const stored = { token: 'old', proxy: 'p' }

  it('lays new values over the stored ones', () => {
    expect(mergeCredentials(stored, { token: 'new', imei: 1 })).toEqual({
      token: 'new',
      proxy: 'p',
      imei: 1,
    })
  })

  it('takes a masked value for the stored one', () => {
    expect(mergeCredentials(stored, { token: '***', unknown: '***' })).toEqual(stored)
  })
})
