/** Texts to chats, over a real database and a platform in memory. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import type { Caller } from '@clawmesh/contracts'
import { rule } from '../../../test/support/rule.ts'
import { createChannelsService } from '../src/service.ts'
import { startChannels, type ChannelsHarness } from './support.ts'
import { collecting, createTestPlatform } from './test-platform.ts'

const platform = createTestPlatform()
const { receive } = collecting()
let channels: ChannelsHarness
beforeAll(async () => {
  channels = await startChannels(createChannelsService({ table: { telegram: async () => platform.adapter }, receive }))
})
afterAll(() => channels.stop())

const newTenant = async (fields: object = {}) => {
  const { admin } = channels.tenant()
  const operator: Caller = { ...admin, credential: 'gateway-token' }
  const { name } = await channels.create(admin, { credentials: { token: 'abc' }, ...fields })
  return { operator, channel: name }
}
const send = async (caller: Caller, params: object): Promise<unknown> => {
  const asked = { method: 'send', paramsJson: JSON.stringify(params) }
  const { resultJson } = await channels.mesh.methods('channels').callMethod(channels.call(caller), asked)
  return JSON.parse(resultJson)
}
const until = async (sent: string) => {
  while (!platform.sent.includes(sent)) await sleep(5)
}

rule('send.sendsInTheBackground', async () => {
  const { operator, channel } = await newTenant()
  const params = { channel, to: '-100', message: 'good morning' }
  expect(await send(operator, params)).toEqual({ ok: true, channel, to: '-100' })
  await until('-100 good morning abc')
  expect(await send(operator, { ...params, message: 'refused' })).toEqual({ ok: true, channel, to: '-100' })
})
rule('send.knowsOwnChannelsOnly', async () => {
  const [{ channel }, { operator }] = [await newTenant(), await newTenant()]
  await expect(send(operator, { channel, to: '1', message: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
rule('send.refusesWhatCannotSend', async () => {
  for (const fields of [{ enabled: false }, { channel_type: 'discord' }]) {
    const { operator, channel } = await newTenant(fields)
    const sending = send(operator, { channel, to: '1', message: 'x' })
    await expect(sending).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  }
})
rule('send.readsOlderNames', async () => {
  const { operator, channel } = await newTenant()
  for (const [at, params] of [
    { to: '1', message: 'm' },
    { chatId: '2', text: 't' },
    { chat_id: '3', content: 'c' },
  ].entries()) {
    expect(await send(operator, { channel, ...params })).toMatchObject({ to: String(at + 1) })
    await until(`${at + 1} ${['m', 't', 'c'][at]} abc`)
  }
})

it('tells who calls over gRPC whether a text was sent, and which platforms there are', async () => {
  const { operator, channel } = await newTenant()
  const client = channels.rpc(ChannelsServiceService)
  const sent = { channel, chatId: '7', text: 'from a schedule' }
  await client.sendText(channels.call(operator), sent)
  expect(platform.sent).toContain('7 from a schedule abc')
  await expect(client.sendText(channels.call(operator), { ...sent, text: 'refused' })).rejects.toThrow()
  expect(await client.listPlatforms(channels.call(operator), {})).toEqual({ channelTypes: ['telegram'] })
})
