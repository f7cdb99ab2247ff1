import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheTags, type CacheTag, type Caller } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import { fakeOidc, type FakeOidc, type IssuerAnswer } from '../../../test/fakes/oidc.ts'
import { testCaller, type Answer } from '../../../test/support/service-harness.ts'
import { startIdentity, systemOwner, type IdentityHarness } from './support.ts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { until } from '../../../test/support/eventually.ts'

interface Issuer {
  id: string
  issuer: string
  audiences: string[]
  key_count: number
  keys_fetched_at: string | null
  keys_error: string | null
  [member: string]: unknown
}

const pauseMs = 200
/** What must fit into a time limit has seconds to spare. */
const slowness = 4

let harness: IdentityHarness
let tenants = 0
const fakes: FakeOidc[] = []

beforeAll(async () => {
  harness = await startIdentity({
    CLAWMESH_OIDC_ALLOW_HTTP: 'true',
    CLAWMESH_OIDC_FETCH_PAUSE_MS: String(pauseMs),
    CLAWMESH_OIDC_KEYS_MAX_AGE_MS: '1000',
    CLAWMESH_OIDC_FETCH_TIMEOUT_MS: String(1_000 * slowness),
  })
})
afterAll(async () => {
  await harness.stop()
  for (const fake of fakes) await fake.close()
})

const started = async (): Promise<FakeOidc> => {
  const fake = await fakeOidc()
  fakes.push(fake)
  return fake
}
const admin = async () => testCaller({ role: 'admin', tenantId: await harness.tenant(`oidc ${++tenants}`) })
const pathOf = ({ tenantId }: Pick<Caller, 'tenantId'>, id = '') =>
  `/v1/tenants/${tenantId}/oidc-issuers${id === '' ? '' : `/${id}`}`
const bodyOf = (issuer: string, more: object = {}) => ({ issuer, audiences: ['app'], default_role: 'viewer', ...more })
const create = (caller: Caller, body: object, of: Pick<Caller, 'tenantId'> = caller) =>
  harness.request<Issuer & { error: string; code: string }>(caller, 'POST', pathOf(of), body)
const patch = (caller: Caller, id: string, body: object) =>
  harness.request<Issuer & { error: string; code: string }>(caller, 'PATCH', pathOf(caller, id), body)
const read = async (caller: Caller, id: string) =>
  (await harness.request<Issuer>(caller, 'GET', pathOf(caller, id))).body
const resolve = (issuer: string, audience = 'app', lacksKey = false) =>
  harness.rpc(IdentityServiceService).resolveOidcIssuer(harness.call(systemOwner), { issuer, audience, lacksKey })
const kidsOf = ({ jwks }: { jwks: string }) =>
  (JSON.parse(jwks) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)

/** A connected issuer whose first keys are there. */
const connected = async (more: object = {}) => {
  const [caller, fake] = [await admin(), await started()]
  const { body } = await create(caller, bodyOf(fake.issuer, more))
  await until(async () => (await read(caller, body.id)).keys_fetched_at !== null)
  return { caller, fake, id: body.id }
}
const refused = ({ status, body }: Answer<{ error: string }>) => [status, body.error]

describe('an OIDC issuer', () => {
  it('is connected with defaults, read, listed, changed and removed', async () => {
    const [caller, fake] = [await admin(), await started()]
    const made = await create(caller, bodyOf(fake.issuer))
    expect(made).toMatchObject({
      status: 201,
      body: {
        tenant_id: caller.tenantId,
        issuer: fake.issuer,
        audiences: ['app'],
        jwks_uri: null,
        algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        user_claim: 'sub',
        role_claim: null,
        role_mapping: {},
        default_role: 'viewer',
        clock_skew_seconds: 60,
        enabled: true,
      },
    })
    const { id } = made.body
    const changed = await patch(caller, id, {
      audiences: ['web', 'app', 'web'],
      role_claim: 'groups',
      role_mapping: { staff: 'operator' },
      default_role: null,
      enabled: false,
    })
    expect(changed).toMatchObject({
      status: 200,
      body: {
        audiences: ['app', 'web'],
        role_claim: 'groups',
        role_mapping: { staff: 'operator' },
        default_role: null,
        enabled: false,
        user_claim: 'sub',
        clock_skew_seconds: 60,
      },
    })
    const listed = await harness.request<{ issuers: Issuer[] }>(caller, 'GET', pathOf(caller))
    expect(listed.body.issuers.map((issuer) => issuer.id)).toEqual([id])
    const gone = await harness.request(caller, 'DELETE', pathOf(caller, id))
    expect([gone.status, gone.body]).toEqual([200, { ok: 'true' }])
    for (const method of ['GET', 'DELETE'])
      expect((await harness.request(caller, method, pathOf(caller, id))).status).toBe(404)
    expect((await patch(caller, id, { enabled: true })).status).toBe(404)
  })

  it.each([
    ['no audience', { audiences: [] }, 'audiences'],
    ['too many audiences', { audiences: Array.from({ length: 11 }, String) }, 'audiences'],
    ['a symmetric algorithm', { algorithms: ['HS256'] }, 'algorithms'],
    ['no signature', { algorithms: ['none'] }, 'algorithms'],
    ['no algorithm', { algorithms: [] }, 'algorithms'],
    ['a role that no token gives', { role_mapping: { root: 'owner' } }, 'role_mapping'],
    ['a default role that no token gives', { default_role: 'owner' }, 'default_role'],
    ['a skew that hides expiry', { clock_skew_seconds: 301 }, 'clock_skew_seconds'],
    ['an issuer with a query', { issuer: 'https://login.example.org/?x=1' }, 'issuer'],
    ['an issuer that is no address', { issuer: 'login.example.org' }, 'issuer'],
    ['nobody let in', { default_role: null }, 'default_role'],
    ['a private issuer', { issuer: 'http://10.0.0.1' }, 'private'],
    ['an internal issuer', { issuer: 'https://metadata.google.internal' }, 'internal'],
    ['private keys', { jwks_uri: 'https://169.254.169.254/keys' }, 'private'],
    ['keys with credentials', { jwks_uri: 'https://a:b@example.org/keys' }, 'credentials'],
  ])(ruleName('createOidcIssuer.refusesPrivateAddresses', '%s'), async (_what, wrong, named) => {
    const caller = await admin()
    const answer = await create(caller, bodyOf('https://login.example.org', wrong))
    expect(refused(answer)).toEqual([400, expect.stringContaining(named)])
    const listed = await harness.request<{ issuers: Issuer[] }>(caller, 'GET', pathOf(caller))
    expect(listed.body.issuers).toEqual([])
  })

  rule('updateOidcIssuer.letsSomebodyIn', async () => {
    const { caller, id } = await connected()
    expect(refused(await patch(caller, id, { default_role: null, audiences: ['other'] }))[0]).toBe(400)
    expect(await read(caller, id)).toMatchObject({ default_role: 'viewer', audiences: ['app'] })
    expect((await patch(caller, id, {})).status).toBe(400)
  })

  it('must be at an https address unless the installation says otherwise', async () => {
    const strict = await startIdentity()
    try {
      const caller = testCaller({ role: 'admin', tenantId: await strict.tenant('strict') })
      for (const body of [
        bodyOf('http://127.0.0.1:1'),
        bodyOf('https://a.example.org', { jwks_uri: 'http://127.0.0.1' }),
      ])
        expect(refused(await strict.request(caller, 'POST', pathOf(caller), body))).toEqual([
          400,
          expect.stringContaining('only https'),
        ])
    } finally {
      await strict.stop()
    }
  })

  it('tells of its changes in events, and the caches of both old and new audiences', async () => {
    const [caller, fake] = [await admin(), await started()]
    const key = (audience: string) => ({
      kind: 'oidc_issuers',
      tenantId: '',
      key: cacheTags.oidcIssuer(fake.issuer, audience).key,
    })
    let id = ''
    const reported = await harness.evictedDuring(async () => {
      id = (await create(caller, bodyOf(fake.issuer))).body.id
      await patch(caller, id, { audiences: ['web'] })
      await harness.request(caller, 'DELETE', pathOf(caller, id))
    })
    expect(reported).toEqual(expect.arrayContaining([key('app'), key('web')]))
    for (const name of ['oidcIssuerCreated', 'oidcIssuerUpdated', 'oidcIssuerDeleted'] as const)
      expect((await harness.event(name, caller.tenantId, id)).data).toEqual({
        id,
        actorId: 'alice',
        ipAddress: undefined,
      })
  })
})

describe('who may connect issuers', () => {
  it("are admins of the tenant itself; another tenant's is not found, nor are its issuers", async () => {
    const [mine, { caller: theirs, id }] = [await admin(), await connected()]
    const answers = [
      await create(mine, bodyOf('https://login.example.org'), theirs),
      await harness.request(mine, 'GET', pathOf(theirs)),
      ...(await Promise.all(
        ['GET', 'DELETE'].flatMap((method) =>
          [theirs, mine].map((of) => harness.request(mine, method, pathOf(of, id))),
        ),
      )),
      await harness.request(mine, 'PATCH', pathOf(theirs, id), { enabled: false }),
      await patch(mine, id, { enabled: false }),
    ]
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
    expect(await read(theirs, id)).toMatchObject({ enabled: true })
  })

  it('are system owners in every tenant that exists', async () => {
    const { caller, id } = await connected()
    expect((await harness.request(systemOwner, 'GET', pathOf(caller, id))).status).toBe(200)
    expect((await harness.request(systemOwner, 'GET', pathOf({ tenantId: randomUUID() }))).status).toBe(404)
  })

  rule('listOidcIssuers.isForAdminsOfTheTenant', async () => {
    const caller = await admin()
    const members = `/v1/tenants/${caller.tenantId}/users`
    const statusOf = async (userId: string) =>
      (await harness.request({ ...caller, userId, credential: 'gateway-token' }, 'GET', pathOf(caller))).status
    for (const [role, status] of [
      ['owner', 200],
      ['admin', 200],
      ['operator', 403],
      ['member', 403],
      ['viewer', 403],
    ] as const) {
      await harness.request(systemOwner, 'POST', members, { user_id: `user-${role}`, role })
      expect([role, await statusOf(`user-${role}`)]).toEqual([role, status])
    }
    expect(await statusOf('stranger')).toBe(403)
    expect((await harness.request(await admin(), 'GET', pathOf(caller))).status).toBe(404)
  })

  it('are never operators or viewers', async () => {
    const caller = await admin()
    for (const role of ['operator', 'viewer'] as const)
      expect((await harness.request({ ...caller, role }, 'GET', pathOf(caller))).status).toBe(403)
  })
})

describe('an audience of an issuer', () => {
  rule('createOidcIssuer.connectsAudiencesOnce', async () => {
    const { caller, fake } = await connected({ audiences: ['app', 'web'] })
    expect(await create(caller, bodyOf(fake.issuer, { audiences: ['cli', 'web'] }))).toMatchObject({
      status: 409,
      body: { error: `audience already exists: ${fake.issuer} web` },
    })
    expect((await create(caller, bodyOf(fake.issuer, { audiences: ['cli'] }))).status).toBe(201)
  })

  rule('createOidcIssuer.sharesIssuersByOwnersOnly', async () => {
    const [mine, { caller: theirs, fake }] = [await admin(), await connected()]
    for (const audiences of [['app'], ['other']])
      expect((await create(mine, bodyOf(fake.issuer, { audiences }))).status).toBe(403)
    expect((await create(systemOwner, bodyOf(fake.issuer), mine)).status).toBe(409)
    const shared = await create(systemOwner, bodyOf(fake.issuer, { audiences: ['other'] }), mine)
    expect(shared.status).toBe(201)

    // Both may change what they have, and take nothing more by themselves.
    for (const [caller, id] of [
      [mine, shared.body.id],
      [theirs, (await harness.request<{ issuers: Issuer[] }>(theirs, 'GET', pathOf(theirs))).body.issuers[0]!.id],
    ] as const) {
      expect((await patch(caller, id, { clock_skew_seconds: 5 })).status).toBe(200)
      expect((await patch(caller, id, { audiences: [...(await read(caller, id)).audiences, 'more'] })).status).toBe(403)
    }
    expect((await resolve(fake.issuer, 'app')).tenantId).toBe(theirs.tenantId)
    expect((await resolve(fake.issuer, 'other')).tenantId).toBe(mine.tenantId)
  })

  it('is given to one of many tenants that ask at once', async () => {
    const callers = await Promise.all(Array.from({ length: 6 }, admin))
    const fake = await started()
    const answers = await Promise.all(
      callers.map((caller, at) => create(caller, bodyOf(fake.issuer, { audiences: [`app-${at}`] }))),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403, 403, 403, 403, 403])
  })

  rule('deleteOidcIssuer.freesItsAudiences', async () => {
    const [mine, { caller: theirs, fake, id }] = [await admin(), await connected()]
    await harness.request(theirs, 'DELETE', pathOf(theirs, id))
    expect((await create(mine, bodyOf(fake.issuer))).status).toBe(201)
  })
})

describe('the keys of an issuer', () => {
  it('are found by discovery, and at the address given without it', async () => {
    const { caller, fake, id } = await connected()
    expect(await read(caller, id)).toMatchObject({ key_count: 1, keys_error: null })
    expect(fake.requests).toEqual(['/.well-known/openid-configuration', '/keys'])

    const direct = await started()
    await create(caller, bodyOf('https://login.example.org', { jwks_uri: direct.jwksUri }))
    const found = await resolve('https://login.example.org')
    expect([kidsOf(found), direct.requests]).toEqual([[direct.keys[0]!.kid], ['/keys']])
  })

  it('are handed out without anything private, and without those that are not for signatures', async () => {
    const { fake } = await connected()
    const [key] = fake.keys
    fake.keys = [
      { ...key!, jwk: { ...key!.jwk, kid: 'leaky', d: 'private', p: 'private' } },
      { ...key!, jwk: { ...key!.jwk, kid: 'encryption', use: 'enc' } },
      { ...key!, jwk: { ...key!.jwk, kid: 'wrapping', key_ops: ['wrapKey'] } },
      { ...key!, jwk: { kty: 'oct', kid: 'secret', k: 'c2VjcmV0' } },
    ]
    await sleep(pauseMs)
    const found = await resolve(fake.issuer, 'app', true)
    expect(kidsOf(found)).toEqual(['leaky'])
    expect(found.jwks).not.toContain('private')
  })

  it('are fetched once however many ask', async () => {
    const [caller, fake] = [await admin(), await started()]
    fake.delayMs = 50
    await create(caller, bodyOf(fake.issuer))
    const found = await Promise.all(Array.from({ length: 20 }, () => resolve(fake.issuer)))
    expect(new Set(found.map((each) => kidsOf(each).join()))).toEqual(new Set([fake.keys[0]!.kid]))
    expect(fake.requests).toHaveLength(2)
  })

  it('are fetched anew when a token names another, and not again within the pause', async () => {
    const { fake } = await connected()
    await sleep(pauseMs)
    const { kid } = await fake.rotate()
    const before = fake.requests.length
    expect(kidsOf(await resolve(fake.issuer, 'app', false))).not.toEqual([kid])
    expect(kidsOf(await resolve(fake.issuer, 'app', true))).toEqual([kid])
    const from = Date.now()
    for (let times = 0; times < 10; times++) await resolve(fake.issuer, 'app', true)
    // Each fetch is two requests; on a busy machine ten tokens take so long that another is due.
    const due = 1 + Math.ceil((Date.now() - from) / pauseMs)
    expect(fake.requests.length - before).toBeLessThanOrEqual(2 * due)
  })

  it('that are new are told to the gateways; fetched again unchanged they are not', async () => {
    const { fake } = await connected()
    const refetched = () =>
      harness.evictedDuring(async () => {
        const before = fake.requests.length
        await sleep(pauseMs)
        await resolve(fake.issuer, 'app', true)
        expect(fake.requests.length).toBeGreaterThan(before)
      })
    const ofApp = cacheTags.oidcIssuer(fake.issuer, 'app')
    const mine = (tags: CacheTag[]) => tags.filter(({ key }) => key === ofApp.key)
    expect(mine(await refetched())).toEqual([])
    await fake.rotate()
    expect(mine(await refetched())).toHaveLength(1)
  })

  it('go on being used while the issuer is away, however old, and are replaced when it is back', async () => {
    const { caller, fake, id } = await connected()
    const [old] = fake.keys
    fake.answers.keys = 'reset'
    const { kid } = await fake.rotate()
    await sleep(1_100)
    for (const lacksKey of [false, true])
      expect(kidsOf(await resolve(fake.issuer, 'app', lacksKey))).toEqual([old!.kid])
    await until(async () => (await read(caller, id)).keys_error !== null)
    fake.answers.keys = 'ok'
    await until(async () => kidsOf(await resolve(fake.issuer)).includes(kid))
    expect(await read(caller, id)).toMatchObject({ keys_error: null })
  })

  it.each<[string, 'discovery' | 'keys', IssuerAnswer, string]>([
    ['is away', 'discovery', 'reset', 'not available'],
    ['does not answer', 'keys', 'silence', 'in time'],
    ['fails', 'discovery', 'error', 'configuration was answered with status 500'],
    ['shows a page', 'keys', 'web_page', 'key set is not JSON'],
    ['answers in another form', 'keys', 'wrong_form', 'key set is malformed'],
    ['has no key', 'keys', 'no_keys', 'no usable key'],
    ['has too many keys', 'keys', 'many_keys', 'more than 100 keys'],
    ['sends too much', 'keys', 'huge', 'larger than 262144 bytes'],
    ['sends too much of a configuration', 'discovery', 'huge', 'larger than 262144 bytes'],
    ['is another', 'discovery', 'other_issuer', 'another issuer'],
    ['leads elsewhere', 'keys', 'redirect', 'redirects'],
  ])(ruleName('getOidcIssuer.showsTheStateOfItsKeys', 'it %s'), async (_what, at, answer, reason) => {
    const [caller, fake] = [await admin(), await started()]
    fake.answers[at] = answer
    const { body } = await create(caller, bodyOf(fake.issuer))
    await expect(resolve(fake.issuer)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await read(caller, body.id)).toMatchObject({
      key_count: 0,
      keys_fetched_at: null,
      keys_error: expect.stringContaining(reason),
    })
    fake.answers[at] = 'ok'
    await until(() =>
      resolve(fake.issuer).then(
        (found) => kidsOf(found).length === 1,
        () => false,
      ),
    )
    expect(await read(caller, body.id)).toMatchObject({ key_count: 1, keys_error: null })
  })

  it('are waited for no longer in two steps than in one', async () => {
    const [caller, fake] = [await admin(), await started()]
    fake.delayMs = 600 * slowness
    const { body } = await create(caller, bodyOf(fake.issuer))
    await expect(resolve(fake.issuer)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(fake.requests).toHaveLength(2)
    expect((await read(caller, body.id)).keys_error).toContain('in time')
  })

  it('are asked for less and less often while that fails', async () => {
    const [caller, fake] = [await admin(), await started()]
    fake.answers.discovery = 'error'
    await create(caller, bodyOf(fake.issuer))
    const from = Date.now()
    while (Date.now() - from < 1_500) {
      await resolve(fake.issuer).catch(() => undefined)
      await sleep(5)
    }
    // At 0, 400, 1200, 2800 ms and so on, and once more should the last look have taken long.
    const dueMs = [0, 400, 1_200, 2_800, 6_000, 12_400]
    expect(fake.requests.length).toBeLessThanOrEqual(dueMs.filter((due) => due <= Date.now() - from).length)
  })

  rule('updateOidcIssuer.dropsMovedKeys', async () => {
    const { caller, fake, id } = await connected()
    const other = await started()
    const { body } = await patch(caller, id, { jwks_uri: other.jwksUri })
    expect(body.key_count).toBe(0)
    expect(kidsOf(await resolve(fake.issuer))).toEqual([other.keys[0]!.kid])
  })
})

describe('resolving', () => {
  it('finds enabled issuers only, by the exact name and audience', async () => {
    const { caller, fake, id } = await connected({ role_claim: 'roles', role_mapping: { staff: 'operator' } })
    expect(await resolve(fake.issuer)).toMatchObject({
      found: true,
      id,
      tenantId: caller.tenantId,
      audiences: ['app'],
      userClaim: 'sub',
      roleClaim: 'roles',
      roleMapping: { staff: 'operator' },
      defaultRole: 'viewer',
      clockSkewSeconds: 60,
    })
    for (const [issuer, audience] of [
      [fake.issuer, 'App'],
      [fake.issuer, ''],
      [`${fake.issuer}/`, 'app'],
      [fake.issuer.toUpperCase(), 'app'],
      ['', ''],
    ] as const)
      expect((await resolve(issuer, audience)).found).toBe(false)
    await patch(caller, id, { enabled: false })
    expect((await resolve(fake.issuer)).found).toBe(false)
  })
})
