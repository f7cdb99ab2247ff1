/** Who may call the bridge, over listed tenants. */
import type { IncomingMessage } from 'node:http'
import { loadConfigs } from '@clawmesh/chassis'
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { bridgeSignature, createBridgeAdmitter } from '../src/admission/bridge.ts'
import { readCredentials } from '../src/admission/credentials.ts'
import { gatewayConfig } from '../src/config.ts'
import { rule, ruleName } from '../../test/support/rule.ts'
import { listedLookups } from './support/lookups.ts'

const token = 'test-token'
const acme = { id: '0193a5b0-7000-7000-8000-0000000000aa', slug: 'acme', name: 'Acme', status: 'active' }
const closed = { id: '0193a5b0-7000-7000-8000-0000000000bb', slug: 'closed', name: 'Closed', status: 'suspended' }
const key = `goclaw_${'a'.repeat(32)}`
const lookups = listedLookups({
  tenants: [acme, closed],
  keys: { [key]: { tenantId: acme.id, scopes: ['operator.admin'] } },
  pairings: { [`${masterTenantId} browser`]: 4_000_000_000_000 },
})
const config = (env: Record<string, string>) => loadConfigs({ gateway: gatewayConfig }, env).gateway

interface Asked {
  bearer?: string
  headers?: Record<string, string>
  peer?: string
  clientIp?: string
  configured?: string
}
/** The caller that a request is made as, or the code of the refusal. */
const admit = async ({
  bearer = token,
  headers = {},
  peer = '127.0.0.1',
  clientIp = '127.0.0.1',
  configured = token,
}: Asked): Promise<Caller | string> => {
  const sent = { ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }), ...headers }
  const request = { headers: sent, socket: { remoteAddress: peer } as IncomingMessage['socket'] }
  const admitter = createBridgeAdmitter(config({ GOCLAW_GATEWAY_TOKEN: configured }), lookups)
  try {
    return (await admitter(request, readCredentials(sent), clientIp)).caller
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

const names = ['x-agent-id', 'x-user-id', 'x-channel', 'x-chat-id', 'x-peer-kind', 'x-workspace', 'x-tenant-id']
const vector = [
  '11111111-1111-1111-1111-111111111111',
  'u1',
  'telegram',
  '42',
  'direct',
  '/ws',
  '0193a5b0-7000-7000-8000-000000000001',
]
const vectorSignature = '90d0a4ef23712f5f5841c63f1991ef9cd081378d6a1b5cf5fbae00a273b2130e'
/** Context headers with a signature, which is right unless another is given. */
const signed = (values: readonly string[], given = bridgeSignature(token, values)) => ({
  ...Object.fromEntries(names.flatMap((name, at) => (values[at] ? [[name, values[at]]] : []))),
  'x-bridge-sig': given,
})

test('the signature is the one of the published test vector', async () => {
  expect(bridgeSignature(token, vector)).toBe(vectorSignature)
  expect(await admit({ headers: signed(vector, vectorSignature) })).toMatchObject({
    tenantId: masterTenantId,
    userId: 'u1',
    role: 'admin',
  })
})

rule('callMcpBridge.isClosedWithoutAToken', async () => {
  expect(await admit({ configured: '' })).toBe('FORBIDDEN')
  expect(await admit({ configured: '', bearer: '' })).toBe('FORBIDDEN')
})

rule('callMcpBridge.takesTheGatewayToken', async () => {
  expect(await admit({})).toMatchObject({ tenantId: masterTenantId, userId: '', role: 'admin' })
  for (const bearer of ['', 'wrong', key]) expect(await admit({ bearer })).toBe('UNAUTHORIZED')
  expect(await admit({ bearer: '', headers: { 'x-goclaw-sender-id': 'browser' } })).toBe('UNAUTHORIZED')
})

describe(ruleName('callMcpBridge.isForThisMachine'), () => {
  test.each<[string, Asked, boolean]>([
    ['IPv4', {}, true],
    ['another loopback address', { peer: '127.9.9.9' }, true],
    ['IPv6', { peer: '::1', clientIp: '::1' }, true],
    ['IPv4 in IPv6', { peer: '::ffff:127.0.0.1' }, true],
    ['another machine', { peer: '10.0.0.7', clientIp: '10.0.0.7' }, false],
    ['another machine that calls itself this one', { peer: '10.0.0.7', clientIp: '127.0.0.1' }, false],
    ['somebody behind a trusted proxy', { clientIp: '203.0.113.9' }, false],
    ['somebody behind a proxy that is not known', { headers: { 'x-forwarded-for': '203.0.113.9' } }, false],
    ['somebody behind a chain', { headers: { 'x-forwarded-for': '127.0.0.1, 203.0.113.9' } }, false],
    ['somebody behind a proxy with a header of its own', { headers: { 'x-real-ip': '203.0.113.9' } }, false],
    ['no address at all', { peer: '' }, false],
  ])('%s', async (_who, asked, passes) => {
    const answer = await admit(asked)
    expect(answer === 'FORBIDDEN').toBe(!passes)
  })
})

describe(ruleName('callMcpBridge.wantsASignature'), () => {
  test.each(names.map((name, at) => [name, at] as const))('%s alone', async (name, at) => {
    expect(await admit({ headers: { [name]: vector[at]! } })).toBe('FORBIDDEN')
    expect(await admit({ headers: { [name]: '' } })).toBe('FORBIDDEN')
  })

  test('every value counts, and where it stands', async () => {
    for (const at of vector.keys()) {
      const changed = vector.map((value, place) => (place === at ? `${value}x` : value))
      expect(await admit({ headers: signed(changed, vectorSignature) })).toBe('FORBIDDEN')
      const without = vector.map((value, place) => (place === at ? '' : value))
      expect(await admit({ headers: signed(without, vectorSignature) })).toBe('FORBIDDEN')
    }
  })

  test.each<[string, readonly string[]]>([
    ['without the tenant', [...vector.slice(0, 6), '']],
    ['without workspace and tenant', [...vector.slice(0, 5), '', '']],
    ['of five fields', vector.slice(0, 5)],
  ])('an older form %s does not vouch for the tenant', async (_form, values) => {
    expect(await admit({ headers: signed(vector, bridgeSignature(token, values)) })).toBe('FORBIDDEN')
  })

  test.each(['', vectorSignature.toUpperCase(), vectorSignature.slice(1), 'x'.repeat(64)])('not %s', async (given) => {
    expect(await admit({ headers: signed(vector, given) })).toBe('FORBIDDEN')
  })

  test('a key of another token signs nothing', async () => {
    expect(await admit({ headers: signed(vector, bridgeSignature('other', vector)) })).toBe('FORBIDDEN')
  })
})

describe('the tenant of a context', () => {
  const inTenant = (tenant: string) => signed(['', 'ünï', '', '', '', '', tenant].map(bytes))
  /** As Node hands headers over. */
  const bytes = (text: string) => Buffer.from(text).toString('latin1')

  test('is named by id or slug, its user in UTF-8', async () => {
    for (const tenant of [acme.id, 'acme'])
      expect(await admit({ headers: inTenant(tenant) })).toMatchObject({
        tenantId: acme.id,
        tenantSlug: 'acme',
        userId: 'ünï',
      })
  })

  test('is refused when it does not exist or is closed', async () => {
    expect(await admit({ headers: inTenant('nobody') })).toBe('NOT_FOUND')
    expect(await admit({ headers: inTenant('closed') })).toBe('TENANT_ACCESS_REVOKED')
  })
})
