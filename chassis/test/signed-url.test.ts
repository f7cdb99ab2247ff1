import fc from 'fast-check'
import { MeshError } from '@clawmesh/contracts'
import { newId, createSecretBox, createSignedUrls, type FileGrant } from '../src/index.ts'

const keyOf = (byte: number): Buffer => Buffer.alloc(32, byte)
const startMs = 1_767_225_600_000
const grant: FileGrant = { tenantId: newId(), userId: 'alice@example.com' }
const at = (ms: number, ...bytes: [number, ...number[]]) => {
  const [current, ...others] = bytes.map(keyOf)
  return createSignedUrls(createSecretBox(current!, others), () => ms)
}
const urls = at(startMs, 1)
const path = '/v1/files/workspace/a b.png'
const signed = (of = path, by: FileGrant = grant) => `${of}?${urls.sign(of, by)}`

const refused = (url: string, by = urls): void => {
  try {
    by.check(url)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(MeshError)
    expect((thrown as MeshError).code).toBe('UNAUTHORIZED')
    return
  }
  throw new Error(`${url} was accepted`)
}

const file = fc
  .array(fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }), { minLength: 1, maxLength: 4 })
  .map((parts) =>
    parts
      .map((part) =>
        part
          .toWellFormed()
          .replace(/[?#%/\0]/g, '_')
          .replace(/^\.+$/, 'dots'),
      )
      .join('/'),
  )

it('gives the tenant and the user back, for every path, however a client encodes it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('files', 'media'),
      file,
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      (kind, name, user) => {
        const by = { tenantId: grant.tenantId, userId: user.toWellFormed() }
        const plain = `/v1/${kind}/${name}`
        const encoded = `/v1/${kind}/${encodeURIComponent(name)}`
        const query = urls.sign(plain, by)!
        expect(query).toMatch(/^ft=[\w-]{22}\.\d+&fb=[\w-]+$/)
        for (const sent of [plain, encoded, encodeURI(plain)]) expect(urls.check(`${sent}?x=1&${query}`)).toEqual(by)
        expect(urls.sign(encoded, by)).toBe(query)
      },
    ),
    { numRuns: 500 },
  )
})

it('grants nothing where there is no ft, so that other credentials count', () => {
  for (const url of [path, `${path}?x=1`, `${path}?fb=x`, `${path}?aft=1`]) expect(urls.check(url)).toBeUndefined()
})

it.each([
  ['nothing', '?ft='],
  ['an old one', '?ft=AAAAAAAAAAAAAAAAAAAAAA.1'],
  ['one without a bearer', (query: string) => `?${query.split('&')[0]}`],
  ['a longer signature', (query: string) => `?${query.replace('ft=', 'ft=A')}`],
  ['two', (query: string) => `?${query}&ft=x`],
  ['two bearers', (query: string) => `?${query}&fb=x`],
  ['another expiry', (query: string) => `?${query.replace(/\.(\d+)/, (_all, seconds) => `.${Number(seconds) + 1}`)}`],
  ['an expiry in another spelling', (query: string) => `?${query.replace('.', '.0')}`],
])('refuses %s', (_what, change) => {
  const query = urls.sign(path, grant)!
  refused(path + (typeof change === 'string' ? change : change(query)))
})

it('is bound to every byte of the path, the tenant and the user', () => {
  fc.assert(
    fc.property(file, file, (one, other) => {
      fc.pre(one !== other)
      refused(`/v1/files/${encodeURIComponent(other)}?${urls.sign(`/v1/files/${one}`, grant)}`)
    }),
  )
  refused(signed().replace('/v1/files/', '/v1/media/'))
  const [ft] = urls.sign(path, grant)!.split('&')
  for (const by of [
    { ...grant, tenantId: newId() },
    { ...grant, userId: 'bob' },
    { ...grant, userId: '' },
  ])
    refused(`${path}?${ft}&${urls.sign(path, by)!.split('&')[1]}`)
})

it('refuses any changed or shortened signature', () => {
  const url = signed()
  const start = url.indexOf('ft=') + 3
  for (let index = start; index < start + 22; index++)
    for (const char of ['A', 'B', '_', '']) {
      const changed = url.slice(0, index) + char + url.slice(index + 1)
      if (changed !== url) refused(changed)
    }
})

it('lasts as long as it says', () => {
  const [lasting, brief] = [urls.sign(path, grant)!, urls.sign(path, grant, 10)!]
  expect(at(startMs + 299_999, 1).check(`${path}?${lasting}`)).toEqual(grant)
  refused(`${path}?${lasting}`, at(startMs + 300_000, 1))
  expect(at(startMs + 9_999, 1).check(`${path}?${brief}`)).toEqual(grant)
  refused(`${path}?${brief}`, at(startMs + 10_000, 1))
})

it('holds across replicas and through a change of the key, and ends with a key that is forgotten', () => {
  const url = signed()
  expect(at(startMs, 1).check(url)).toEqual(grant)
  expect(at(startMs, 2, 1).check(url)).toEqual(grant)
  refused(url, at(startMs, 2))
  refused(`${path}?${at(startMs, 2, 1).sign(path, grant)}`, at(startMs, 1))
})

it.each([
  '/v1/files/../etc/passwd',
  '/v1/files/a/%2e%2e/b',
  '/v1/files/a/./b',
  '/v1/files/',
  '/v1/agents',
  '/v1/filesx/a',
  '/v1/files/%zz',
  '/v1/files/a%00',
])('neither signs nor accepts %s', (other) => {
  expect(urls.sign(other, grant)).toBeUndefined()
  refused(`${other}?${urls.sign(path, grant)}`)
})
