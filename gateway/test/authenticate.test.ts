import { MeshError } from '@clawmesh/contracts'
import { createAuthenticator } from '../src/admission/authenticate.ts'
import { readCredentials } from '../src/admission/credentials.ts'
import { roleOfScopes } from '../src/admission/role-of-scopes.ts'
import { listedLookups } from './support/lookups.ts'

const token = 'gateway-token'
const key = (digit: string) => `goclaw_${digit.repeat(32)}`
const tenantId = '0193a5b0-7000-7000-8000-0000000000aa'

const keys = {
  [key('a')]: { keyId: 'key-a', tenantId, scopes: ['operator.write'] },
  [key('b')]: { tenantId, scopes: ['operator.read'], ownerId: 'bound' },
  [key('c')]: { scopes: ['operator.admin'] },
  [key('7')]: { scopes: ['operator.admin'], rateLimitRpm: 60, tagsJson: '{"team":"blue"}' },
  [key('d')]: { tenantId, scopes: ['operator.admin'], expiresAtMs: Date.now() - 1 },
}

const authenticate = (
  headers: Record<string, string>,
  { config = { token, ownerIds: () => ['system'] }, lookups = listedLookups({ keys }) } = {},
) => createAuthenticator(config, lookups)(readCredentials(headers))

const authorization = (value: string) => ({ authorization: `Bearer ${value}` })
const user = (id: string) => ({ 'x-goclaw-user-id': id })

it('tells the services of the limits of a key, where it has any', async () => {
  const limitsOf = async (digit: string) => (await authenticate(authorization(key(digit)))).keyLimits
  expect(await limitsOf('7')).toEqual({ rateLimitRpm: 60, maxConcurrentRuns: 0 })
  expect(await limitsOf('c')).toBeUndefined()
})

it('tells the services of the cost tags of a key, where it has any', async () => {
  const tagsOf = async (digit: string) => (await authenticate(authorization(key(digit)))).keyTags
  expect(await tagsOf('7')).toEqual({ team: 'blue' })
  expect(await tagsOf('c')).toBeUndefined()
})

describe('the gateway token', () => {
  it.each([
    ['alone makes an admin of the master tenant', {}, 'admin', 'membership'],
    ['with an ordinary user makes an admin where that user is a member', user('alice'), 'admin', 'membership'],
    ['with an owner id makes the system owner', user('system'), 'owner', 'all'],
    ['does not take owner ids in other cases', user('System'), 'admin', 'membership'],
  ])('%s', async (_, headers, role, reach) => {
    const principal = await authenticate({ ...authorization(token), ...headers })
    expect(principal).toMatchObject({
      credential: 'gateway-token',
      role,
      tenantScope: { kind: reach },
      userBound: false,
    })
  })

  it.each(['bearer', 'BEARER'])('follows the scheme in any case: %s', async (scheme) => {
    expect((await authenticate({ authorization: `${scheme} ${token}` })).credential).toBe('gateway-token')
  })

  it('makes owners of the listed ids only', async () => {
    const config = { token, ownerIds: () => ['root', 'ops'] }
    const roleOf = async (id: string) => (await authenticate({ ...authorization(token), ...user(id) }, { config })).role
    expect(await roleOf('ops')).toBe('owner')
    expect(await roleOf('system')).toBe('admin')
  })

  it('may be in any script', async () => {
    const config = { token: 'mật khẩu', ownerIds: () => ['system'] }
    const sent = Buffer.from('mật khẩu').toString('latin1')
    expect((await authenticate(authorization(sent), { config })).role).toBe('admin')
  })

  it('wins over an API key of the same text', async () => {
    const config = { token: key('a'), ownerIds: () => ['system'] }
    expect((await authenticate(authorization(key('a')), { config })).credential).toBe('gateway-token')
  })
})

describe('an API key', () => {
  it('has the role of its scopes in its own tenant', async () => {
    expect(await authenticate({ ...authorization(key('a')), ...user('alice') })).toMatchObject({
      credential: 'api-key',
      role: 'operator',
      userId: 'alice',
      userBound: false,
      tenantScope: { kind: 'own', tenantId },
      limitKey: 'user:alice',
    })
  })

  it('that is bound to a user speaks for that user whatever the header says', async () => {
    expect(await authenticate({ ...authorization(key('b')), ...user('mallory') })).toMatchObject({
      userId: 'bound',
      userBound: true,
      limitKey: 'user:bound',
    })
  })

  it('of the system reaches all tenants and never becomes owner', async () => {
    expect(await authenticate({ ...authorization(key('c')), ...user('system') })).toMatchObject({
      role: 'admin',
      tenantScope: { kind: 'all' },
    })
  })

  it('is refused from the moment it expires, even while it is cached', async () => {
    await expect(authenticate(authorization(key('d')))).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  it('that cannot be looked up is 503 and never 401', async () => {
    const unreachable = listedLookups({})
    unreachable.apiKey = async () => {
      throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'identity' })
    }
    await expect(authenticate(authorization(key('a')), { lookups: unreachable })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })
})

describe('a wrong credential', () => {
  it.each([
    ['nothing', {}],
    ['an empty bearer', authorization('')],
    ['the text null', authorization('null')],
    ['the text undefined', authorization('undefined')],
    ['another token', authorization('gateway-tokem')],
    ['the token in another case', authorization('Gateway-Token')],
    ['the token with a space more', authorization(`${token} `)],
    ['the start of the token', authorization('gateway')],
    ['another scheme', { authorization: `Basic ${token}` }],
    ['no space after the scheme', { authorization: `Bearer${token}` }],
    ['an over-long token', authorization('x'.repeat(20_000))],
    ['a key that is not known', authorization(key('e'))],
    ['a key in upper case', authorization(key('A'))],
    ['a key with a digit more', authorization(`${key('a')}0`)],
  ])('is refused, not weakened: %s', async (_, headers) => {
    await expect(authenticate(headers)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  it('is only looked up when it looks like a key', async () => {
    const lookups = listedLookups({ keys })
    for (const wrong of ['nope', key('A'), `${key('a')}0`, 'goclaw_'])
      await expect(authenticate(authorization(wrong), { lookups })).rejects.toThrow()
    expect(lookups.asked).toEqual([])
    await expect(authenticate(authorization(key('e')), { lookups })).rejects.toThrow()
    expect(lookups.asked).toHaveLength(1)
  })
})

describe('without a gateway token', () => {
  const config = { token: '', ownerIds: () => ['system'] }

  it.each([
    ['no bearer', {}, 'system', ''],
    ['an empty bearer', authorization(''), 'system', ''],
    ['any bearer', authorization('whatever'), 'system', ''],
    ['a key that is not known', authorization(key('e')), 'system', ''],
    ['a user id', user('alice'), 'alice', 'user:alice'],
  ])('everyone owns the system: %s', async (_, headers, userId, limitKey) => {
    expect(await authenticate(headers, { config })).toMatchObject({
      credential: 'dev',
      role: 'owner',
      userId,
      limitKey,
      tenantScope: { kind: 'master' },
    })
  })

  it('a valid key keeps its narrower role', async () => {
    expect(await authenticate(authorization(key('a')), { config })).toMatchObject({
      credential: 'api-key',
      role: 'operator',
    })
  })
})

it('counts runs by user, else by credential, of which only the hash is kept', async () => {
  const { limitKey } = await authenticate(authorization(key('a')))
  expect(limitKey).toMatch(/^credential:[0-9a-f]{64}$/)
})

describe('an OpenAI request that names no user speaks for', () => {
  const config = { token: '', ownerIds: () => ['system'] }
  it.each([
    ['the gateway, with its token', authorization(token), undefined, 'gateway'],
    ['the key itself', authorization(key('a')), undefined, 'key-a'],
    ['the user of a development edge', {}, { config }, 'system'],
    ['nobody else where the header names a user', { ...authorization(token), ...user('alice') }, undefined, undefined],
    ['nobody else where the key is bound', authorization(key('b')), undefined, undefined],
  ])('%s', async (_, headers, options, expected) => {
    expect((await authenticate(headers, options)).fallbackUserId).toBe(expected)
  })
})

describe('scopes give the role', () => {
  it.each([
    [['operator.admin'], 'admin'],
    [['operator.read', 'operator.admin'], 'admin'],
    [['operator.write'], 'operator'],
    [['operator.approvals'], 'operator'],
    [['operator.pairing'], 'operator'],
    [['operator.read'], 'viewer'],
    [['operator.provision'], 'viewer'],
    [['owner', 'admin', 'operator.ADMIN'], 'viewer'],
    [[], 'viewer'],
  ])('%j: %s', (scopes, role) => {
    expect(roleOfScopes(scopes)).toBe(role)
  })
})
