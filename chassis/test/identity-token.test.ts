import { setTimeout as pause } from 'node:timers/promises'
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { createIdentityTokens } from '../src/index.ts'
import { forgedTokens } from '../../test/contract/forged-tokens.ts'

const secret = 'a secret of at least 32 characters'
const caller: Caller = {
  tenantId: masterTenantId,
  tenantSlug: 'master',
  userId: 'Nguyễn 王 "quoted"',
  role: 'operator',
  scopes: ['operator.write'],
  credential: 'api-key',
  userBound: true,
  locale: 'vi',
}

it('carries a caller unchanged to every process that knows the secret', async () => {
  const token = await createIdentityTokens(secret).mint(caller)
  expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  expect(await createIdentityTokens(secret).verify(token)).toEqual(caller)
})

it('believes tokens of the secret before and of the one to come while the secret is changed, and of no other', async () => {
  const [before, next] = ['b'.repeat(32), 'n'.repeat(32)]
  const { verify, mint } = createIdentityTokens(secret, [before, next])
  for (const known of [secret, before, next])
    expect(await verify(await createIdentityTokens(known).mint(caller))).toEqual(caller)
  await expect(verify(await createIdentityTokens('x'.repeat(32)).mint(caller))).rejects.toMatchObject({
    code: 'UNAUTHORIZED',
  })
  // What is made is of the current one alone.
  await expect(createIdentityTokens(next).verify(await mint(caller))).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
})

it('makes one token a caller, and another for any other', async () => {
  const { mint } = createIdentityTokens(secret)
  const token = await mint(caller)
  expect(await mint({ ...caller })).toBe(token)
  for (const changed of [
    { role: 'viewer' },
    { userId: 'bob' },
    { tenantSlug: 'x' },
    { scopes: [] },
  ] as Partial<Caller>[])
    expect(await mint({ ...caller, ...changed })).not.toBe(token)
})

it('tells no secret of anybody', async () => {
  const [, payload] = (await createIdentityTokens(secret).mint(caller)).split('.')
  expect(Object.keys(JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object).sort()).toEqual([
    'caller',
    'exp',
    'iss',
  ])
})

describe('is refused when it is', () => {
  it('forged, foreign, late or of another shape, the first time and again', async () => {
    const { verify } = createIdentityTokens(secret)
    const forged = await forgedTokens(secret, caller)
    expect(Object.keys(forged).length).toBeGreaterThan(10)
    for (const [what, token] of [...Object.entries(forged), ['empty', '']] as [string, string][])
      for (let attempt = 0; attempt < 2; attempt++)
        await expect(verify(token).catch((thrown: unknown) => [what, thrown])).resolves.toEqual([
          what,
          expect.objectContaining({ code: 'UNAUTHORIZED' }),
        ])
  })

  it('verified once and late now', async () => {
    const { verify } = createIdentityTokens(secret)
    const { createHash, createHmac } = await import('node:crypto')
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${part({ alg: 'HS256' })}.${part({ caller, iss: 'clawmesh', exp: Math.floor(Date.now() / 1000) + 1 })}`
    const key = createHash('sha256').update(`clawmesh identity ${secret}`).digest()
    const token = `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
    expect(await verify(token)).toEqual(caller)
    await pause(1_100)
    await expect(verify(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  it('changed in any one character', async () => {
    const { mint, verify } = createIdentityTokens(secret)
    const token = await mint(caller)
    // The last character of a base64 text may hold bits that mean nothing.
    for (let at = 0; at < token.length - 1; at += 3) {
      const other = token[at] === 'A' ? 'B' : 'A'
      await expect(verify(token.slice(0, at) + other + token.slice(at + 1))).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
      })
    }
  })
})
