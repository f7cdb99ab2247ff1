/** Pairing over a real database: codes, decisions, what is told, and whose they are. */
import { sha256Hex } from '@clawmesh/chassis'
import { pairingCodePattern } from '../../../contracts/src/ws/identity.ts'
import type { Caller, Role } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { newPairingCode } from '../src/domain/pairings.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
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
const askForBrowser = (tenantId: string, senderId = '') =>
  rpc().requestPairing(identity.call(callerIn(tenantId)), { tenantId, senderId })
const stateOf = (tenantId: string, senderId: string) =>
  rpc().resolvePairing(identity.call(callerIn(tenantId)), { tenantId, senderId })
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
  it('waits an hour under a code, and its sender gets the same code again', async () => {
    const tenant = await newTenant()
    const first = await askForBrowser(tenant)
    expect(first.code).toMatch(pairingCodePattern)
    expect(first.senderId).toMatch(/^[0-9a-f-]{36}$/)
    expect(await askForBrowser(tenant, first.senderId)).toEqual(first)
    const { pending } = await list(tenant)
    expect(pending).toHaveLength(1)
    expect(pending[0]!.expires_at - pending[0]!.created_at).toBeGreaterThan(59 * 60_000)
    expect(pending[0]!.expires_at - pending[0]!.created_at).toBeLessThan(61 * 60_000)
    expect(await stateOf(tenant, first.senderId)).toMatchObject({ status: 'pending' })
  })

  it('never takes the name that an unknown browser proposes', async () => {
    const tenant = await newTenant()
    expect((await askForBrowser(tenant, 'guessable')).senderId).not.toBe('guessable')
  })

  it('is one of three of a tenant at most, even when many come at once; an expired one makes room', async () => {
    const [tenant, other] = [await newTenant(), await newTenant()]
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => askForBrowser(tenant)))
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    const refused = asked.filter((answer) => answer.status === 'rejected')
    expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(Array(5).fill('RESOURCE_EXHAUSTED'))
    expect((await askForBrowser(other)).code).toMatch(pairingCodePattern)
    await expire('pairing_requests', tenant)
    expect((await askForBrowser(tenant)).code).toMatch(pairingCodePattern)
    expect((await list(tenant)).pending).toHaveLength(1)
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
  expect(await stateOf(tenant, 'u1')).toEqual({ status: 'expired', expiresAtMs: 0 })
})

describe('an approval', () => {
  it('pairs the sender for 30 days, tells it, and makes caches forget the sender by its hash', async () => {
    const tenant = await newTenant()
    const { requestId, code, senderId } = await askForBrowser(tenant)
    let paired: unknown
    const told = await identity.evictedDuring(async () => {
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
    expect(told).toEqual([{ kind: 'paired_devices', tenantId: tenant, key: sha256Hex(senderId) }])
    const { status, expiresAtMs } = await stateOf(tenant, senderId)
    expect(status).toBe('approved')
    expect((expiresAtMs - Date.now()) / 86_400_000).toBeCloseTo(30, 1)
    const event = await identity.event('pairingApproved', tenant, requestId)
    expect(event.data).toMatchObject({ channel: 'browser', actorId: 'alice' })
    expect(JSON.stringify(event)).not.toContain(senderId)
    expect(await list(tenant)).toMatchObject({ pending: [], paired: [{ sender_id: senderId }] })
  })

  it('happens once, whoever decides at the same time', async () => {
    const tenant = await newTenant()
    const { code } = await askForBrowser(tenant)
    const approve = () => method(callerIn(tenant), 'device.pair.approve', { code })
    const deny = () => method(callerIn(tenant), 'device.pair.deny', { code })
    const decisions = await Promise.allSettled([approve(), deny(), approve(), deny()])
    expect(decisions.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it.each(['device.pair.approve', 'device.pair.deny'])('%s knows no code of another tenant', async (name) => {
    const [tenant, other] = [await newTenant(), await newTenant()]
    const { code, senderId } = await askForBrowser(tenant)
    await expect(method(callerIn(other), name, { code })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await stateOf(tenant, senderId)).toMatchObject({ status: 'pending' })
    expect(await list(other)).toEqual({ pending: [], paired: [] })
    expect(await stateOf(other, senderId)).toEqual({ status: 'expired', expiresAtMs: 0 })
  })

  it('comes too late for a code that has expired', async () => {
    const tenant = await newTenant()
    const { code, senderId } = await askForBrowser(tenant)
    await expire('pairing_requests', tenant)
    await expect(method(callerIn(tenant), 'device.pair.approve', { code })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await stateOf(tenant, senderId)).toEqual({ status: 'expired', expiresAtMs: 0 })
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
  it('ends the request and is told', async () => {
    const tenant = await newTenant()
    const { requestId, code, senderId } = await askForBrowser(tenant)
    expect(await method(callerIn(tenant), 'device.pair.deny', { code })).toEqual({ denied: true })
    expect(await stateOf(tenant, senderId)).toEqual({ status: 'expired', expiresAtMs: 0 })
    expect((await identity.event('pairingDenied', tenant, requestId)).data).toMatchObject({ channel: 'browser' })
  })
})

describe('a revocation', () => {
  it('ends the pairing, is told, and knows older spellings of the sender', async () => {
    const tenant = await newTenant()
    for (const spelling of ['senderId', 'sender_id', 'id']) {
      const { code, senderId } = await askForBrowser(tenant)
      await method(callerIn(tenant), 'device.pair.approve', { code, approved_by: 'bob' })
      expect((await list(tenant)).paired[0]).toMatchObject({ sender_id: senderId, paired_by: 'bob' })
      const told = await identity.evictedDuring(() =>
        method(callerIn(tenant), 'device.pair.revoke', { [spelling]: senderId }),
      )
      expect(told).toEqual([{ kind: 'paired_devices', tenantId: tenant, key: sha256Hex(senderId) }])
      expect(await stateOf(tenant, senderId)).toEqual({ status: 'expired', expiresAtMs: 0 })
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

test('an expired pairing is as good as none, and listing removes it', async () => {
  const tenant = await newTenant()
  const { code, senderId } = await askForBrowser(tenant)
  await method(callerIn(tenant), 'device.pair.approve', { code })
  await expire('paired_devices', tenant)
  expect(await stateOf(tenant, senderId)).toEqual({ status: 'expired', expiresAtMs: 0 })
  expect(await list(tenant)).toEqual({ pending: [], paired: [] })
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
