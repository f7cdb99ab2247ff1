import { createPublicKey } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { createLocalJWKSet, SignJWT, UnsecuredJWT } from 'jose'
import { MeshError } from '@clawmesh/contracts'
import { fakeOidc, type FakeOidc, type SigningKey } from '../../test/fakes/oidc.ts'
import { createAuthenticator } from '../src/admission/authenticate.ts'
import { hashOf, readCredentials } from '../src/admission/credentials.ts'
import type { OidcIssuer } from '../src/admission/lookups.ts'
import { listedLookups, type KnownThings } from './support/lookups.ts'

const tenantId = '0193a5b0-7000-7000-8000-0000000000aa'
const otherTenantId = '0193a5b0-7000-7000-8000-0000000000bb'
const skewSeconds = 60
const now = () => Math.floor(Date.now() / 1000)

let fake: FakeOidc
let rsa: SigningKey
beforeAll(async () => {
  fake = await fakeOidc()
  rsa = await fake.makeKey('RS256')
})
afterAll(() => fake.close())

const issuerWith = (more: Partial<OidcIssuer> = {}, keys: readonly SigningKey[] = fake.keys): OidcIssuer => ({
  id: 'issuer-1',
  issuer: fake.issuer,
  tenantId,
  audiences: ['app'],
  algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  userClaim: 'sub',
  roleClaim: 'role',
  roleMapping: { reader: 'viewer', staff: 'operator', boss: 'admin' },
  defaultRole: '',
  clockSkewSeconds: skewSeconds,
  keyOf: createLocalJWKSet({ keys: keys.map(({ jwk }) => jwk) }),
  ...more,
})

const edge = (
  known: KnownThings = { oidcIssuers: [issuerWith()] },
  config = { token: 'secret', ownerIds: () => ['system'] },
) => {
  const lookups = listedLookups(known)
  const authenticate = createAuthenticator(config, lookups)
  const admit = (token: string, headers: Record<string, string> = {}) =>
    authenticate(readCredentials({ authorization: `Bearer ${token}`, ...headers }))
  return { lookups, admit }
}
const staff = { sub: 'alice', aud: 'app', role: 'staff' }
const refusal = { code: 'UNAUTHORIZED' }

describe('a token of a connected issuer', () => {
  it('is its user in its tenant with the role of its claims, whatever the headers say', async () => {
    const headers = { 'x-goclaw-user-id': 'system', 'x-goclaw-tenant-id': 'master' }
    expect(await edge().admit(await fake.sign(staff), headers)).toEqual({
      credential: 'oidc',
      role: 'operator',
      scopes: [],
      userId: 'alice',
      userBound: true,
      tenantScope: { kind: 'own', tenantId },
      limitKey: 'user:alice',
    })
  })

  it.each([
    ['reader', 'viewer'],
    ['staff', 'operator'],
    ['boss', 'admin'],
  ])('with the role claim %s is %s', async (role, expected) => {
    expect((await edge().admit(await fake.sign({ ...staff, role }))).role).toBe(expected)
  })

  it.each(['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'])(
    'may be signed with %s where that is allowed',
    async (alg) => {
      const key = await fake.makeKey(alg)
      const token = await fake.sign(staff, { key })
      const allowed = edge({ oidcIssuers: [issuerWith({ algorithms: [alg] }, [key])] })
      expect((await allowed.admit(token)).userId).toBe('alice')
      const others = edge({ oidcIssuers: [issuerWith({ algorithms: [alg === 'ES256' ? 'RS256' : 'ES256'] }, [key])] })
      await expect(others.admit(token)).rejects.toMatchObject(refusal)
    },
  )

  it('may be for several audiences, of which one is connected', async () => {
    const token = await fake.sign({ ...staff, aud: ['account', 'app'] })
    expect((await edge().admit(token)).userId).toBe('alice')
  })

  it('may lack a key id while only one key fits', async () => {
    const token = await fake.sign(staff, { header: { kid: undefined } })
    expect((await edge().admit(token)).userId).toBe('alice')
    const two = edge({ oidcIssuers: [issuerWith({}, [...fake.keys, await fake.makeKey()])] })
    await expect(two.admit(token)).rejects.toMatchObject(refusal)
  })

  it('may be as late or early as the skew allows, and no more', async () => {
    const { admit } = edge()
    const lateBy = (seconds: number) => fake.sign({ ...staff, exp: now() - seconds })
    const earlyBy = (seconds: number) => fake.sign({ ...staff, nbf: now() + seconds })
    for (const make of [lateBy, earlyBy]) {
      expect((await admit(await make(skewSeconds - 20))).userId).toBe('alice')
      await expect(admit(await make(skewSeconds + 20))).rejects.toMatchObject(refusal)
    }
  })
})

describe('a token that does not hold is refused, and never weakened', () => {
  const [header, payload] = ['header', 'payload']
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

  const wrong: Record<string, () => Promise<string>> = {
    expired: () => fake.sign({ ...staff, exp: now() - 3_600 }),
    'without expiry': () => fake.sign({ ...staff, exp: undefined }),
    'with an expiry that is a text': () => fake.sign({ ...staff, exp: String(now() + 300) as unknown as number }),
    'not valid yet': () => fake.sign({ ...staff, nbf: now() + 3_600 }),
    'of another issuer': () => fake.sign({ ...staff, iss: 'https://other.example.org' }),
    'of the issuer with a slash more': () => fake.sign({ ...staff, iss: `${fake.issuer}/` }),
    'without issuer': () => fake.sign({ ...staff, iss: undefined }),
    'whose issuer is a list': () => fake.sign({ ...staff, iss: [fake.issuer] as unknown as string }),
    'for another audience': () => fake.sign({ ...staff, aud: 'other' }),
    'for the audience in another case': () => fake.sign({ ...staff, aud: 'App' }),
    'without audience': () => fake.sign({ ...staff, aud: undefined }),
    'for no audience': () => fake.sign({ ...staff, aud: [] }),
    'for an audience that is no text': () =>
      fake.sign({ ...staff, aud: [{ app: true }, 'app'] as unknown as string[] }),
    'for too many audiences': () =>
      fake.sign({ ...staff, aud: ['app', ...Array.from({ length: 10 }, (_, at) => `a${at}`)] }),
    'without user': () => fake.sign({ ...staff, sub: undefined }),
    'of an empty user': () => fake.sign({ ...staff, sub: '' }),
    'of an over-long user': () => fake.sign({ ...staff, sub: 'a'.repeat(256) }),
    'of a user with control characters': () => fake.sign({ ...staff, sub: 'alice\r\nx-role: owner' }),
    'without role': () => fake.sign({ ...staff, role: undefined }),
    'of an unknown role': () => fake.sign({ ...staff, role: 'owner' }),
    'with a critical extension': () => fake.sign(staff, { header: { crit: ['urn:test'], 'urn:test': true } }),
    'signed by another with the same key id': async () =>
      fake.sign(staff, { key: { ...(await fake.makeKey()), kid: fake.keys[0]!.kid } }),
    'signed by an unknown key': async () => fake.sign(staff, { key: await fake.makeKey() }),
    'with its own key in the header': async () => {
      const key = await fake.makeKey()
      return fake.sign(staff, { key, header: { kid: undefined, jwk: key.jwk } })
    },
    'with a key of its own somewhere': async () =>
      fake.sign(staff, { key: await fake.makeKey(), header: { jku: 'https://evil.example.org/keys' } }),
    unsigned: async () => new UnsecuredJWT({ ...staff, iss: fake.issuer, exp: now() + 300 }).encode(),
    'unsigned under another name': async () =>
      `${encoded({ alg: 'NONE', kid: fake.keys[0]!.kid })}.${encoded({ ...staff, iss: fake.issuer, exp: now() + 300 })}.`,
    'without its signature': async () => `${(await fake.sign(staff)).split('.').slice(0, 2).join('.')}.`,
    'with half its signature': async () => (await fake.sign(staff)).slice(0, -40),
    'with changed claims': async () => {
      const [head, , signature] = (await fake.sign(staff)).split('.')
      const claims = { ...staff, role: 'boss', iss: fake.issuer, exp: now() + 300 }
      return [head, encoded(claims), signature].join('.')
    },
    'over-long': () => fake.sign({ ...staff, more: 'x'.repeat(8_192) }),
    'of three parts that are no token': async () => [header, payload, 'signature'].join('.'),
    'with claims that are no object': async () => `${encoded({ alg: 'ES256' })}.${encoded([])}.c2ln`,
    'of two parts': async () => (await fake.sign(staff)).split('.').slice(0, 2).join('.'),
    'of four parts': async () => `${await fake.sign(staff)}.x`,
    'in upper case': async () => (await fake.sign(staff)).toUpperCase(),
    'with a space before it': async () => ` ${await fake.sign(staff)}`,
  }

  it.each(Object.keys(wrong))('%s', async (what) => {
    const token = await wrong[what]!()
    const headers = { 'x-goclaw-user-id': 'system' }
    await expect(edge().admit(token, headers)).rejects.toMatchObject(refusal)
  })

  it('of any three parts, whatever they say', async () => {
    const { admit } = edge()
    const part = fc.oneof(
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc
        .record({ iss: fc.constant(fake.issuer), aud: fc.jsonValue(), exp: fc.jsonValue(), sub: fc.jsonValue() })
        .map(encoded),
      fc
        .record({ alg: fc.constantFrom('none', 'ES256', 'HS256', 'RS256'), kid: fc.jsonValue(), crit: fc.jsonValue() })
        .map(encoded),
      fc.stringMatching(/^[\w-]*$/),
    )
    await fc.assert(
      fc.asyncProperty(part, part, part, async (...parts) => {
        await expect(admit(parts.join('.'))).rejects.toMatchObject(refusal)
      }),
      { numRuns: 500 },
    )
  })

  it('signed as a secret with the public key', async () => {
    const keyed = edge({ oidcIssuers: [issuerWith({}, [rsa])] })
    const publicKey = createPublicKey({ key: rsa.jwk, format: 'jwk' })
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'pkcs1', format: 'pem' }),
      JSON.stringify(rsa.jwk),
      rsa.jwk.n!,
    ]
    for (const secret of secrets)
      for (const alg of ['HS256', 'HS384', 'HS512']) {
        const claims = { ...staff, iss: fake.issuer, exp: now() + 300 }
        const signer = new SignJWT(claims).setProtectedHeader({ alg, kid: rsa.kid })
        await expect(keyed.admit(await signer.sign(Buffer.from(secret).subarray()))).rejects.toMatchObject(refusal)
      }
    expect((await keyed.admit(await fake.sign(staff, { key: rsa }))).userId).toBe('alice')
  })

  it('signed with an RSA key that is too short', async () => {
    const { generateKeyPairSync, createSign } = await import('node:crypto')
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'short' } as SigningKey['jwk']
    const signed = `${encoded({ alg: 'RS256', kid: 'short' })}.${encoded({ ...staff, iss: fake.issuer, exp: now() + 300 })}`
    const signature = createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')
    const short = edge({ oidcIssuers: [issuerWith({ keyOf: createLocalJWKSet({ keys: [jwk] }) })] })
    await expect(short.admit(`${signed}.${signature}`)).rejects.toMatchObject(refusal)
  })

  it('signed with an algorithm that its key is not for', async () => {
    const pss = { ...rsa, jwk: { ...rsa.jwk, alg: 'PS256' } }
    await expect(
      edge({ oidcIssuers: [issuerWith({}, [pss])] }).admit(await fake.sign(staff, { key: rsa })),
    ).rejects.toMatchObject(refusal)
  })

  it('says why in the cause of the error, and nothing of the claims', async () => {
    const thrown = await edge()
      .admit(await fake.sign({ ...staff, exp: 1 }))
      .catch((error: unknown) => error as MeshError)
    expect(thrown).toMatchObject({
      ...refusal,
      message: 'unauthorized',
      cause: { message: expect.stringContaining('exp') },
    })
    expect(inspect(thrown, { depth: 9 })).not.toContain('alice')
  })
})

describe('tenants', () => {
  const theirs = (more: Partial<OidcIssuer> = {}) =>
    issuerWith({ id: 'issuer-2', tenantId: otherTenantId, audiences: ['theirs'], ...more })

  it('that share an issuer are told apart by audience', async () => {
    const { admit } = edge({ oidcIssuers: [issuerWith(), theirs()] })
    expect((await admit(await fake.sign(staff))).tenantScope).toEqual({ kind: 'own', tenantId })
    expect((await admit(await fake.sign({ ...staff, aud: 'theirs' }))).tenantScope).toEqual({
      kind: 'own',
      tenantId: otherTenantId,
    })
  })

  it('neither get a token that is for both', async () => {
    const { admit } = edge({ oidcIssuers: [issuerWith(), theirs()] })
    await expect(admit(await fake.sign({ ...staff, aud: ['app', 'theirs'] }))).rejects.toMatchObject(refusal)
  })

  it('that name an issuer with keys of their own make no tokens for others', async () => {
    const own = await fake.makeKey()
    const { admit } = edge({ oidcIssuers: [issuerWith(), theirs({ keyOf: createLocalJWKSet({ keys: [own.jwk] }) })] })
    await expect(admit(await fake.sign(staff, { key: own }))).rejects.toMatchObject(refusal)
    await expect(admit(await fake.sign({ ...staff, aud: 'theirs' }))).rejects.toMatchObject(refusal)
    expect((await admit(await fake.sign({ ...staff, aud: 'theirs' }, { key: own }))).tenantScope).toMatchObject({
      tenantId: otherTenantId,
    })
  })
})

describe('a key that is not known', () => {
  it('is asked for anew, and believed when the issuer has it', async () => {
    const fresh = await fake.makeKey()
    const renewed = issuerWith({}, [...fake.keys, fresh])
    const { admit, lookups } = edge({ oidcIssuers: [issuerWith()], renewed: () => renewed })
    expect((await admit(await fake.sign(staff, { key: fresh }))).userId).toBe('alice')
    expect(lookups.askedAnew).toEqual([`${fake.issuer} app`])
    await expect(admit(await fake.sign(staff, { key: await fake.makeKey() }))).rejects.toMatchObject(refusal)
  })

  it('is not believed when meanwhile another tenant has the audience', async () => {
    const fresh = await fake.makeKey()
    const renewed = () => issuerWith({ id: 'issuer-2', tenantId: otherTenantId }, [fresh])
    const { admit } = edge({ oidcIssuers: [issuerWith()], renewed })
    await expect(admit(await fake.sign(staff, { key: fresh }))).rejects.toMatchObject(refusal)
  })

  it('is not asked for by tokens that are wrong in other ways already', async () => {
    const key = await fake.makeKey()
    const { admit, lookups } = edge()
    for (const token of [
      await fake.sign({ ...staff, aud: 'other' }, { key }),
      await fake.sign(staff, { key: await fake.makeKey('ES512') }),
      new UnsecuredJWT({ ...staff, iss: fake.issuer, exp: now() + 300 }).encode(),
    ])
      await expect(admit(token)).rejects.toMatchObject(refusal)
    expect(lookups.askedAnew).toEqual([])
  })
})

describe('a verified token is remembered', () => {
  it('only as long as its issuer is what it was: changes, rivals and removal count at once', async () => {
    const list = [issuerWith()]
    const { admit } = edge({ oidcIssuers: list })
    const token = await fake.sign({ ...staff, aud: ['app', 'second'] })
    expect((await admit(token)).role).toBe('operator')
    list[0] = issuerWith({ roleMapping: { staff: 'viewer' } })
    expect((await admit(token)).role).toBe('viewer')
    list.push(issuerWith({ id: 'issuer-2', tenantId: otherTenantId, audiences: ['second'] }))
    await expect(admit(token)).rejects.toMatchObject(refusal)
    list.pop()
    expect((await admit(token)).role).toBe('viewer')
    list.pop()
    await expect(admit(token)).rejects.toMatchObject(refusal)
  })

  it('and not checked again while nothing has changed', async () => {
    let checks = 0
    const issuer = issuerWith()
    const counting = issuerWith({ keyOf: (...given) => (checks++, issuer.keyOf(...given)) })
    const { admit } = edge({ oidcIssuers: [counting] })
    const token = await fake.sign(staff)
    for (let times = 0; times < 5; times++) await admit(token)
    expect(checks).toBe(1)
    await admit(await fake.sign({ ...staff, sub: 'bob' }))
    expect(checks).toBe(2)
  })

  it('until it expires', async () => {
    const { admit } = edge({ oidcIssuers: [issuerWith({ clockSkewSeconds: 0 })] })
    const exp = now() + 2
    const token = await fake.sign({ ...staff, exp })
    expect((await admit(token)).userId).toBe('alice')
    await new Promise((resolve) => setTimeout(resolve, exp * 1000 - Date.now() + 20))
    await expect(admit(token)).rejects.toMatchObject(refusal)
  })
})

describe('on the ladder', () => {
  it('a gateway token that looks like a token is the gateway token', async () => {
    const token = await fake.sign(staff)
    expect((await edge(undefined, { token, ownerIds: () => [] }).admit(token)).credential).toBe('gateway-token')
  })

  it('an issuer that cannot be looked up is 503 and never 401', async () => {
    const lookups = listedLookups({})
    lookups.oidcIssuer = async () => {
      throw new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'identity' })
    }
    const bearer = await fake.sign(staff)
    const claim = { ...readCredentials({}), bearer, bearerHash: hashOf(bearer) }
    await expect(createAuthenticator({ token: 'x', ownerIds: () => [] }, lookups)(claim)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })

  it('without a gateway token a good token keeps its narrower role, and a bad one is as good as none', async () => {
    const { admit } = edge(undefined, { token: '', ownerIds: () => ['system'] })
    expect(await admit(await fake.sign(staff))).toMatchObject({ credential: 'oidc', role: 'operator' })
    expect(await admit(await fake.sign({ ...staff, exp: 1 }))).toMatchObject({ credential: 'dev' })
  })
})
