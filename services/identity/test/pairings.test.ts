/** Pairing over a real database: codes, decisions, what is told, and whose they are. */
import { newId, sha256Hex } from '@clawmesh/chassis'
import { pairingCodePattern } from '../../../contracts/src/ws/identity/device-pairing.ts'
import type { Caller, Role } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { newPairingCode } from '../src/pairings/use-cases.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { startIdentity, type IdentityHarness } from './support.ts'

let identity: IdentityHarness
let made = 0

beforeAll(async () => {
  identity = await startIdentity()
})
afterAll(() => identity.stop())

const callerIn = (tenantId: string, role: Role = 'admin', more: Partial<Caller> = {}) =>
  testCaller({ tenantId, role, credential: 'gateway-token', ...more })
const newTenant = () => identity.tenant(`pairing ${made++}`)

const method = async <R>(caller: Caller, name: string, params: object): Promise<R> => {
  const { resultJson } = await identity.mesh
    .methods('identity')
    .callMethod(identity.call(caller), { method: name, paramsJson: JSON.stringify(params) })
  return JSON.parse(resultJson) as R
}
const rpc = () => identity.rpc(IdentityServiceService)
/** A browser at an address of its own, unless said, asks on a connection. */
const askForBrowser = (
  tenantId: string,
  { senderId = '', clientIp = `192.0.2.${made++ % 256}`, connectionId = newId() } = {},
) => rpc().requestPairing({ ...identity.call(callerIn(tenantId)), clientIp }, { tenantId, senderId, connectionId })
const stateOf = (tenantId: string, senderId: string) =>
  rpc().resolvePairing(identity.call(callerIn(tenantId)), { tenantId, senderId })
const leave = (tenantId: string, requestId: string, connectionId: string) =>
  rpc().leavePairing(identity.call(callerIn(tenantId)), { tenantId, requestId, connectionId })
const bind = async (tenantId: string, senderId: string, userId: string) =>
  (await rpc().bindPairing(identity.call(callerIn(tenantId)), { tenantId, senderId, userId })).userId
const expire = (table: string, tenantId: string) =>
  identity.mesh
    .database('identity')
    .pool.query(`UPDATE identity.${table} SET expires_at = now() - interval '1 second' WHERE tenant_id = $1`, [
      tenantId,
    ])

interface Listed {
  pending: { code: string; sender_id: string; created_at: number; expires_at: number }[]
  paired: { sender_id: string; channel: string; paired_by: string }[]
}
const list = (tenantId: string) => method<Listed>(callerIn(tenantId), 'device.pair.list', {})

test('codes are of eight characters that cannot be taken for each other, all of them in use', () => {
  const codes = Array.from({ length: 2_000 }, newPairingCode)
  expect(codes.filter((code) => !pairingCodePattern.test(code))).toEqual([])
  expect(new Set(codes.join(''))).toHaveProperty('size', 32)
  expect(new Set(codes).size).toBe(codes.length)
})

describe('a request', () => {
  rule('device.pair.request.givesTheCodeAgain', async () => {
    const tenant = await newTenant()
    const first = await askForBrowser(tenant)
    expect(first.code).toMatch(pairingCodePattern)
    expect(first.senderId).toMatch(/^[0-9a-f-]{36}$/)
    expect(await askForBrowser(tenant, { senderId: first.senderId })).toEqual(first)
    const { pending } = await list(tenant)
    expect(pending).toHaveLength(1)
    expect(pending[0]!.expires_at - pending[0]!.created_at).toBeGreaterThan(59 * 60_000)
    expect(pending[0]!.expires_at - pending[0]!.created_at).toBeLessThan(61 * 60_000)
    expect(await stateOf(tenant, first.senderId)).toMatchObject({ status: 'pending' })
    const params = { senderId: 'u1', channel: 'telegram' }
    const asked = await method(callerIn(tenant, 'operator'), 'device.pair.request', params)
    expect(await method(callerIn(tenant, 'operator'), 'device.pair.request', params)).toEqual(asked)
  })

  it('never takes the name that an unknown browser proposes', async () => {
    const tenant = await newTenant()
    expect((await askForBrowser(tenant, { senderId: 'guessable' })).senderId).not.toBe('guessable')
  })

  it('is one of three of an address, even when many come at once; an expired one makes room', async () => {
    const [tenant, other, clientIp] = [await newTenant(), await newTenant(), '2001:db8::1']
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => askForBrowser(tenant, { clientIp })))
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    const refused = asked.filter((answer) => answer.status === 'rejected')
    expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(Array(5).fill('RESOURCE_EXHAUSTED'))
    for (const from of [{ clientIp: '2001:db8::2' }, { clientIp: '192.0.2.1' }])
      expect((await askForBrowser(tenant, from)).code).toMatch(pairingCodePattern)
    expect((await askForBrowser(other, { clientIp })).code).toMatch(pairingCodePattern)
    await expire('pairing_requests', tenant)
    expect((await askForBrowser(tenant, { clientIp })).code).toMatch(pairingCodePattern)
    expect((await list(tenant)).pending).toHaveLength(1)
  })

  it('whose connection has closed makes room, the oldest first, and waits on when its browser comes back', async () => {
    const [tenant, clientIp] = [await newTenant(), '192.0.2.77']
    const connections = [newId(), newId(), newId()]
    const asked = []
    for (const connectionId of connections) asked.push(await askForBrowser(tenant, { clientIp, connectionId }))
    const [first, second, third] = asked as [(typeof asked)[0], (typeof asked)[0], (typeof asked)[0]]
    for (const at of [1, 0]) await leave(tenant, asked[at]!.requestId, connections[at]!)
    // It comes back on another connection, after which the end of the old one means nothing.
    await askForBrowser(tenant, { clientIp, senderId: first.senderId })
    await leave(tenant, first.requestId, connections[0]!)

    await askForBrowser(tenant, { clientIp })
    expect((await stateOf(tenant, second.senderId)).status).toBe('expired')
    for (const { senderId } of [first, third]) expect((await stateOf(tenant, senderId)).status).toBe('pending')
    await expect(askForBrowser(tenant, { clientIp })).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  })

  rule('device.pair.request.limitsPendingRequests', async () => {
    const tenant = await newTenant()
    const ask = (senderId: string, accountId?: string) =>
      method(callerIn(tenant, 'operator'), 'device.pair.request', { senderId, channel: 'telegram', accountId })
    for (const sender of ['a', 'b', 'c']) await ask(sender)
    const full = { code: 'RESOURCE_EXHAUSTED' }
    await expect(ask('d')).rejects.toMatchObject(full)
    for (const sender of ['d', 'e', 'f']) await ask(sender, 'other account')
    const browsers = []
    for (let at = 6; at < 100; at++) {
      const connectionId = newId()
      browsers.push({ connectionId, ...(await askForBrowser(tenant, { clientIp: `198.51.100.${at}`, connectionId })) })
    }
    await expect(askForBrowser(tenant)).rejects.toMatchObject(full)
    await expect(ask('g', 'third account')).rejects.toMatchObject(full)
    await leave(tenant, browsers[9]!.requestId, browsers[9]!.connectionId)
    await ask('g', 'third account')
    expect((await stateOf(tenant, browsers[9]!.senderId)).status).toBe('expired')
    expect((await list(tenant)).pending).toHaveLength(100)
  })

  it('tells that somebody waits, but neither code nor sender', async () => {
    const tenant = await newTenant()
    const { requestId, code, senderId } = await askForBrowser(tenant)
    const event = await identity.event('pairingRequested', tenant, requestId)
    expect(event.data).toEqual({ id: requestId, channel: 'browser' })
    expect(JSON.stringify(event)).not.toContain(senderId)
    expect(await rpc().getPairingRequest(identity.call(callerIn(tenant)), { id: requestId })).toEqual({
      found: true,
      code,
      senderId,
      channel: 'browser',
      chatId: '',
    })
  })
})

it('for a chat account is made by an operator, once for each sender and channel', async () => {
  const tenant = await newTenant()
  const ask = (channel: string) =>
    method<{ code: string }>(callerIn(tenant, 'operator'), 'device.pair.request', {
      sender_id: 'u1',
      channel,
      chatId: 'c',
    })
  const { code } = await ask('telegram')
  expect(await ask('telegram')).toEqual({ code })
  expect((await ask('discord')).code).not.toBe(code)
  expect((await list(tenant)).pending).toMatchObject([{ channel: 'discord' }, { channel: 'telegram', chat_id: 'c' }])
  // Nobody comes in over HTTP or WebSocket as a chat account.
  await method(callerIn(tenant), 'device.pair.approve', { code })
  expect(await stateOf(tenant, 'u1')).toEqual({ status: 'expired', expiresAtMs: 0, userId: '' })
})

describe('an approval', () => {
  rule('device.pair.approve.pairsForThirtyDays', async () => {
    const tenant = await newTenant()
    const { requestId, code, senderId } = await askForBrowser(tenant)
    let paired: unknown
    const reported = await identity.evictedDuring(async () => {
      paired = await method(callerIn(tenant), 'device.pair.approve', { code: ` ${code.toLowerCase()} ` })
    })
    expect(paired).toEqual({
      paired: {
        sender_id: senderId,
        channel: 'browser',
        chat_id: '',
        paired_by: 'operator',
        paired_at: expect.any(Number),
      },
    })
    expect(reported).toEqual([{ kind: 'paired_devices', tenantId: tenant, key: sha256Hex(senderId) }])
    const { status, expiresAtMs } = await stateOf(tenant, senderId)
    expect(status).toBe('approved')
    expect((expiresAtMs - Date.now()) / 86_400_000).toBeCloseTo(30, 1)
    const event = await identity.event('pairingApproved', tenant, requestId)
    expect(event.data).toMatchObject({ channel: 'browser', actorId: 'alice' })
    expect(JSON.stringify(event)).not.toContain(senderId)
    expect(await list(tenant)).toMatchObject({ pending: [], paired: [{ sender_id: senderId }] })
  })

  rule('device.pair.deny.isDecidedOnce', async () => {
    const tenant = await newTenant()
    const { code } = await askForBrowser(tenant)
    const approve = () => method(callerIn(tenant), 'device.pair.approve', { code })
    const deny = () => method(callerIn(tenant), 'device.pair.deny', { code })
    const decisions = await Promise.allSettled([approve(), deny(), approve(), deny()])
    expect(decisions.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it.each(['device.pair.approve', 'device.pair.deny'])(
    ruleName('device.pair.approve.knowsOwnCodesOnly', '%s'),
    async (name) => {
      const [tenant, other] = [await newTenant(), await newTenant()]
      const { code, senderId } = await askForBrowser(tenant)
      await expect(method(callerIn(other), name, { code })).rejects.toMatchObject({ code: 'NOT_FOUND' })
      expect(await stateOf(tenant, senderId)).toMatchObject({ status: 'pending' })
      expect(await list(other)).toEqual({ pending: [], paired: [] })
      expect(await stateOf(other, senderId)).toEqual({ status: 'expired', expiresAtMs: 0, userId: '' })
    },
  )

  it('comes too late for a code that has expired', async () => {
    const tenant = await newTenant()
    const { code, senderId } = await askForBrowser(tenant)
    await expire('pairing_requests', tenant)
    await expect(method(callerIn(tenant), 'device.pair.approve', { code })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await stateOf(tenant, senderId)).toEqual({ status: 'expired', expiresAtMs: 0, userId: '' })
  })

  it('of an operator is refused', async () => {
    const tenant = await newTenant()
    const { code } = await askForBrowser(tenant)
    await expect(method(callerIn(tenant, 'operator'), 'device.pair.approve', { code })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
  })
})

describe('a key', () => {
  const key = (tenantId: string, scope: string, role: Role) =>
    callerIn(tenantId, role, { credential: 'api-key', scopes: [scope] })

  it('sees pairings with the scope for them, or with all', async () => {
    const tenant = await newTenant()
    for (const [scope, role] of [
      ['operator.pairing', 'operator'],
      ['operator.admin', 'admin'],
    ] as const)
      expect(await method(key(tenant, scope, role), 'device.pair.list', {})).toEqual({ pending: [], paired: [] })
    for (const [scope, role] of [
      ['operator.write', 'operator'],
      ['operator.approvals', 'operator'],
      ['operator.read', 'viewer'],
    ] as const)
      await expect(method(key(tenant, scope, role), 'device.pair.list', {})).rejects.toMatchObject({
        code: 'FORBIDDEN',
      })
  })
})

describe('a denial', () => {
  rule('device.pair.deny.endsTheRequest', async () => {
    const tenant = await newTenant()
    const { requestId, code, senderId } = await askForBrowser(tenant)
    expect(await method(callerIn(tenant), 'device.pair.deny', { code })).toEqual({ denied: true })
    await expect(method(callerIn(tenant), 'device.pair.approve', { code })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await stateOf(tenant, senderId)).toEqual({ status: 'expired', expiresAtMs: 0, userId: '' })
    expect((await identity.event('pairingDenied', tenant, requestId)).data).toMatchObject({ channel: 'browser' })
  })
})

describe('a revocation', () => {
  rule('device.pair.revoke.takesAnIdAlone', async () => {
    const tenant = await newTenant()
    for (const spelling of ['senderId', 'sender_id', 'id']) {
      const { code, senderId } = await askForBrowser(tenant)
      await method(callerIn(tenant), 'device.pair.approve', { code, approved_by: 'bob' })
      expect((await list(tenant)).paired[0]).toMatchObject({ sender_id: senderId, paired_by: 'bob' })
      const reported = await identity.evictedDuring(() =>
        method(callerIn(tenant), 'device.pair.revoke', { [spelling]: senderId }),
      )
      expect(reported).toEqual([{ kind: 'paired_devices', tenantId: tenant, key: sha256Hex(senderId) }])
      expect(await stateOf(tenant, senderId)).toEqual({ status: 'expired', expiresAtMs: 0, userId: '' })
    }
  })

  it('of a sender of another tenant finds nothing', async () => {
    const [tenant, other] = [await newTenant(), await newTenant()]
    const { code, senderId } = await askForBrowser(tenant)
    await method(callerIn(tenant), 'device.pair.approve', { code })
    await expect(method(callerIn(other), 'device.pair.revoke', { senderId })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    expect(await stateOf(tenant, senderId)).toMatchObject({ status: 'approved' })
  })
})

rule('device.pair.list.listsNewestFirst', async () => {
  const tenant = await newTenant()
  const asked = []
  for (let at = 0; at < 4; at++) asked.push(await askForBrowser(tenant))
  for (const at of [1, 0]) await method(callerIn(tenant), 'device.pair.approve', { code: asked[at]!.code })
  const { pending, paired } = await list(tenant)
  expect(pending.map(({ sender_id }) => sender_id)).toEqual([asked[3]!.senderId, asked[2]!.senderId])
  expect(paired.map(({ sender_id }) => sender_id)).toEqual([asked[0]!.senderId, asked[1]!.senderId])
  await expire('paired_devices', tenant)
  expect(await stateOf(tenant, asked[0]!.senderId)).toEqual({ status: 'expired', expiresAtMs: 0, userId: '' })
  expect(await list(tenant)).toMatchObject({ pending, paired: [] })
})

describe('a paired browser', () => {
  it('is bound to the first user, of many at once too, until it is paired anew', async () => {
    const tenant = await newTenant()
    const { code, senderId } = await askForBrowser(tenant)
    expect(await bind(tenant, senderId, 'alice')).toBe('')
    await method(callerIn(tenant), 'device.pair.approve', { code })
    expect(await stateOf(tenant, senderId)).toMatchObject({ status: 'approved', userId: '' })
    let bound: string[] = []
    const tags = await identity.evictedDuring(async () => {
      bound = await Promise.all(['alice', 'bob', 'carol', 'dave'].map((user) => bind(tenant, senderId, user)))
    })
    expect(new Set(bound).size).toBe(1)
    expect(tags).toEqual([{ kind: 'paired_devices', tenantId: tenant, key: sha256Hex(senderId) }])
    expect(await stateOf(tenant, senderId)).toMatchObject({ userId: bound[0] })
    expect(await bind(await newTenant(), senderId, 'eve')).toBe('')

    await method(callerIn(tenant), 'device.pair.revoke', { senderId })
    const again = await method<{ code: string }>(callerIn(tenant), 'device.pair.request', {
      senderId,
      channel: 'browser',
    })
    await method(callerIn(tenant), 'device.pair.approve', again)
    expect(await bind(tenant, senderId, 'eve')).toBe('eve')
  })
})

rule('device.pair.request.refusesGuessableBrowsers', async () => {
  const tenant = await newTenant()
  const ask = (length: number) =>
    method(callerIn(tenant), 'device.pair.request', { senderId: 'x'.repeat(length), channel: 'browser' })
  await expect(ask(31)).rejects.toMatchObject({ code: 'INVALID_REQUEST', params: { field: 'senderId' } })
  await ask(32)
})

test.each([
  ['device.pair.request', {}, 'senderId'],
  ['device.pair.request', { senderId: 'x'.repeat(201), channel: 'browser' }, 'senderId'],
  ['device.pair.request', { senderId: 'guessable', channel: 'browser' }, 'senderId'],
  ['device.pair.approve', { code: 7 }, 'code'],
  ['device.pair.revoke', { senderId: 'x', channel: '' }, 'channel'],
])('%s refuses %j naming %s', async (name, params, field) => {
  const tenant = await newTenant()
  await expect(method(callerIn(tenant), name, params)).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    params: { field },
  })
})
