/** Bad input, for every declared route: refused with the name of what is wrong, in the reader's language, storing nothing. */
import { randomUUID } from 'node:crypto'
import { allRoutes, defaultBodyLimitBytes, locales, type Route } from '@clawmesh/contracts'
import type { z } from 'zod'
import type { Answer } from '../support/all-in-one-request.ts'
import { startAllInOne, type AllInOne, type Headers } from '../support/all-in-one.ts'
import { errorText, expectRefusal, styleOf } from './expectations.ts'
import { faultsOf, membersOf, validSample } from './json-samples.ts'
import {
  fillPath,
  fineWhenMissing,
  guardedRoutes,
  isRest,
  paramsOf,
  resourceOf,
  resourceOfField,
  scopeOfResource,
  titled,
  keepsByReading,
  type Param,
} from './routes.ts'
import { shareOf } from './share.ts'
import { openStoredState, type StoredState } from './stored-state.ts'
import { makeFullTenant, type FullTenant } from './tenant-data.ts'

let mesh: AllInOne
let tenant: FullTenant
let state: StoredState

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await makeFullTenant(mesh, 'input')
  state = await openStoredState(mesh)
  await state.settle()
})
afterAll(async () => {
  await state.close()
  await mesh.stop()
})

type RouteWithBody = Route & { definition: { body: z.ZodType } }
const routesWithBody = allRoutes.filter((route): route is RouteWithBody => route.definition.body !== undefined)
/** Those whose body must be readable. */
const strictRoutes = routesWithBody.filter(({ definition }) => definition.lenientBody !== true)
const limitOf = ({ definition }: Route): number => definition.bodyLimitBytes ?? defaultBodyLimitBytes

/** The caller with just the role that a route needs. */
const callerOf = ({ definition: { role, bridge } }: Route): Headers =>
  role === 'public' ? {} : bridge === true ? mesh.owner() : tenant.as(role)

const ownId = (param: Param): string => tenant.idsOf(resourceOf(param))[0]!

/** The path of a route with the tenant's own things in it. */
const ownPath = (route: Route): string => fillPath(route, ownId)

const post = (route: Route, body: unknown, headers: Headers = {}): Promise<Answer> =>
  mesh.request(route.method, ownPath(route), { headers: { ...callerOf(route), ...headers }, body })

/** Runs requests that must leave no trace behind. */
const storingNothing = async (work: () => Promise<void>): Promise<void> => {
  const before = { stored: await state.read(), upstream: mesh.upstream.requests.length }
  await work()
  expect({ stored: await state.read(), upstream: mesh.upstream.requests.length }).toEqual(before)
}

/** JSON texts that are broken whatever a route wants. */
const brokenTexts = (route: RouteWithBody): Record<string, string | Buffer> => {
  const sample = JSON.stringify(validSample(route.definition.body) ?? {})
  const first = sample === '{}' ? '' : `,${sample.slice(1, -1)}`
  // As deep as the limit allows: beyond it a body is refused for its length.
  const depth = Math.min(100_000, Math.floor(limitOf(route) / 6) - 100)
  return {
    'not JSON': 'nonsense',
    'cut off': sample.slice(0, -1),
    'single quotes': `{'a':1${first}}`,
    'comma at the end': '{"a":1,}',
    'two values': `${sample}${sample}`,
    'raw control character': '{"a":"\u0001"}',
    'raw NUL': `${sample}\0`,
    'not UTF-8': Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from(`"${first}}`)]),
    'overlong UTF-8': Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0x80]), Buffer.from(`"${first}}`)]),
    'surrogate in UTF-8': Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from(`"${first}}`),
    ]),
    'UTF-16': Buffer.from(sample, 'utf16le'),
    compressed: Buffer.from('1f8b0800000000000003abae0500430a9bd902000000', 'hex'),
    'deep lists': '['.repeat(depth) + ']'.repeat(depth),
    'deep objects': `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    'deep and never closed': '['.repeat(depth),
    'deep member': `{"a":${'['.repeat(depth)}${']'.repeat(depth)}${first}}`,
    'key __proto__': `{"__proto__":{"role":"owner"}${first}}`,
    'escaped key __proto__': `{"\\u005f_proto__":{"role":"owner"}${first}}`,
    'inner key __proto__': `{"a":[{"b":{"__proto__":{}}}]${first}}`,
    'NUL in a key': `{"a\\u0000b":1${first}}`,
  }
}

/** Values that are JSON, but no body of this route. */
const wrongWholes = ({ definition: { body } }: RouteWithBody): unknown[] =>
  [[], ['text'], 'text', 1, true, null, [[]], [{}]].filter((value) => !body.safeParse(value).success)

describe('a body that is wrong is 400, names the field and stores nothing', () => {
  test.each(titled(strictRoutes))('%s: not readable', async (_title, route) => {
    await storingNothing(async () => {
      for (const text of shareOf(route, Object.values(brokenTexts(route)), 3))
        expectRefusal(await post(route, text), { code: 'INVALID_REQUEST', style: styleOf(route) })
      for (const value of wrongWholes(route))
        expectRefusal(await post(route, JSON.stringify(value)), {
          code: 'INVALID_REQUEST',
          style: styleOf(route),
          names: 'body',
        })
      if (!route.definition.body.safeParse(undefined).success)
        expectRefusal(await post(route, ''), { code: 'INVALID_REQUEST', style: styleOf(route), names: 'body' })
    })
  })

  test.each(titled(routesWithBody))('%s: wrong members', async (_title, route) => {
    const isRead = ({ path }: { path: readonly string[] }) => route.definition.lenientBody !== true || path.length > 0
    const faults = faultsOf(route.definition.body).filter(isRead)
    const typeFaults = faults.filter(({ value }) => !JSON.stringify(value).includes('\\u'))
    const refusing = new Set(typeFaults.map(({ path: [name] }) => name))
    expect(membersOf(route.definition.body).filter((name) => !refusing.has(name))).toEqual([])
    await storingNothing(async () => {
      for (const { path, what, value } of faults) {
        const answer = await post(route, value)
        const unstorable = what === 'NUL character' || what === 'half a surrogate pair'
        const where = `${path.join('.')}: ${what}`
        expect({ where, status: answer.status, text: answer.text }).toEqual({ where, status: 400, text: answer.text })
        expectRefusal(answer, {
          code: 'INVALID_REQUEST',
          style: styleOf(route),
          names: unstorable ? undefined : path[0],
        })
      }
    })
  })

  test.each(titled(routesWithBody))('%s: told in the language of the reader', async (_title, route) => {
    const wrong = route.definition.lenientBody === true ? [] : ['nonsense', '[]']
    const [member] = faultsOf(route.definition.body).filter(({ path }) => path.length > 0)
    for (const body of [...wrong, ...(member === undefined ? [] : [member.value])]) {
      const answers = await Promise.all(locales.map((locale) => post(route, body, { 'accept-language': locale })))
      // clawgo's clients look for words that are the same in every language.
      if (styleOf(route) !== 'text') expect(new Set(answers.map(errorText)).size).toBe(locales.length)
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]))
    }
  })
})

describe('a body over the limit is 413, whether it says so or not', () => {
  test.each(titled(routesWithBody))('%s', async (_title, route) => {
    const limit = limitOf(route)
    const sample = JSON.stringify(validSample(route.definition.body) ?? {})
    await storingNothing(async () => {
      const tooLarge = sample.padEnd(limit + 1)
      const refusal = { code: 'PAYLOAD_TOO_LARGE', style: styleOf(route), names: String(limit) } as const
      expectRefusal(await post(route, tooLarge), refusal)
      const headers = callerOf(route)
      expectRefusal(
        await mesh.request(route.method, ownPath(route), { headers, body: tooLarge, chunked: true }),
        refusal,
      )
      // At the limit it is read, and judged by what it says.
      if (route.definition.lenientBody !== true)
        expectRefusal(await post(route, '{'.padEnd(limit)), { code: 'INVALID_REQUEST', style: styleOf(route) })
    })
  })

  test.each(
    titled(guardedRoutes.filter(({ definition }) => definition.body === undefined && definition.upload === undefined)),
  )('%s, which takes none', async (_title, route) => {
    await storingNothing(async () => {
      const body = ' '.repeat(limitOf(route) + 1)
      expectRefusal(await post(route, body), { code: 'PAYLOAD_TOO_LARGE', style: styleOf(route) })
    })
  })
})

/** Values that stand in no path of ours; each route refuses some of them. */
const oddValues = [
  'not-a-uuid',
  '123',
  'undefined',
  `${randomUUID()}0`,
  randomUUID().replaceAll('-', ''),
  `{${randomUUID()}}`,
  "'; DROP TABLE agents.agents; --",
  '../../etc/passwd',
  '..',
  'a'.repeat(101),
  'a'.repeat(501),
  'a'.repeat(900),
  'a'.repeat(5_000),
  '\u{1F600}',
  'a\r\nx-injected: 1',
]
/** Encodings that decode to no text, or to one with a NUL. */
const brokenEncodings = ['%', '%zz', '%ff', '%f0%28%8c%28', '%c0%80', '%00', 'a%00b', '%ed%a0%80']

const emptyList = /^(?:\{"\w+":)?\[\]\}?$/

describe('a path that is wrong is 400 or 404, and names the parameter', () => {
  const routesWithParams = guardedRoutes.filter((route) => paramsOf(route).length > 0)

  test.each(titled(routesWithParams))('%s', async (_title, route) => {
    const { params: schema, body } = route.definition
    const sent = body === undefined ? {} : { body: validSample(body) ?? {} }
    await storingNothing(async () => {
      for (const wrong of paramsOf(route)) {
        const ask = (fill: (path: string) => string) => {
          const path = fillPath(route, (param) => (param.name === wrong.name ? '~wrong~' : ownId(param)))
          return mesh.request(route.method, fill(path), { headers: callerOf(route), ...sent })
        }
        for (const value of shareOf(route, oddValues, 2)) {
          const valid = schema?.shape[wrong.name]?.safeParse(value).success ?? true
          if (valid) continue
          const answer = await ask((path) => path.replace('~wrong~', encodeURIComponent(value)))
          // The router knows no segments of that length.
          if (value.length > 1_000 && !isRest(wrong))
            expectRefusal(answer, { code: 'NOT_FOUND', style: styleOf(route) })
          else {
            // A segment of dots is no parameter: the edge refuses the whole path.
            const names = /^\.{1,2}$/.test(value) ? undefined : wrong.name
            expectRefusal(answer, { code: 'INVALID_REQUEST', style: styleOf(route), names })
          }
        }
        for (const encoding of shareOf(route, brokenEncodings, 4)) {
          const answer = await ask((path) => path.replace('~wrong~', encoding))
          expectRefusal(answer, { code: 'INVALID_REQUEST', style: styleOf(route) })
        }
      }
    })
  })

  test.each(titled(routesWithParams.filter(({ method }) => method === 'GET')))(
    '%s: odd values that might name something name nothing',
    async (_title, route) => {
      for (const odd of paramsOf(route))
        for (const value of shareOf(route, oddValues, 3)) {
          const path = fillPath(route, (param) => (param.name === odd.name ? value : ownId(param)))
          const { status, text } = await mesh.request('GET', path, { headers: callerOf(route) })
          // That there is nothing may be the answer, too.
          const saysNothing = emptyList.test(text) || (status === 200 && route.operation in fineWhenMissing)
          expect([value, status === 400 || status === 404 || saysNothing]).toEqual([value, true])
        }
    },
  )
})

describe('a query that is wrong is 400 and names the parameter, or the parameter is dropped', () => {
  const odd = [
    ...['', 'abc', '-1', '0', '1.5', '1e999', 'NaN', '9007199254740991', '9007199254740993', '99999999999999999999'],
    ...['true', 'not-a-uuid', '2026-13-45', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999+14:00', '[]', '{}'],
    ...["'; DROP TABLE agents.agents; --", '%', '\\', '%_', '../..', '\u{1F600}', 'a'.repeat(300), 'a'.repeat(3_000)],
  ]

  const asking = guardedRoutes.filter(
    ({ definition, operation }) => definition.query !== undefined && !keepsByReading.includes(operation),
  )
  test.each(titled(asking))('%s', async (_title, route) => {
    const schema = route.definition.query!
    const required = Object.entries(schema.shape).filter(
      ([, member]) => !(member as z.ZodType).safeParse(undefined).success,
    )
    const base = Object.fromEntries(required.map(([name]) => [name, 'sample']))
    // What is odd may still be allowed, and must then find nothing to change.
    const absentId = randomUUID()
    const target = fillPath(route, (param) =>
      route.method === 'GET'
        ? ownId(param)
        : scopeOfResource(resourceOf(param)) === 'name'
          ? 'no-such-thing'
          : absentId,
    )
    await storingNothing(async () => {
      for (const [name, member] of Object.entries(schema.shape) as [string, z.ZodType][])
        for (const value of shareOf(route, odd, 3)) {
          const query = new URLSearchParams({ ...base, [name]: value })
          const path = `${target}?${query.toString()}`
          const answer = await mesh.request(route.method, path, { headers: callerOf(route) })
          if (!member.safeParse(value).success)
            expectRefusal(answer, { code: 'INVALID_REQUEST', style: styleOf(route), names: name })
          else if (answer.status !== 200) {
            expect([name, value, answer.status < 500]).toEqual([name, value, true])
            const code = answer.status === 404 ? 'NOT_FOUND' : answer.status === 403 ? 'FORBIDDEN' : 'INVALID_REQUEST'
            // Only who may speak for others may name them.
            if (code === 'FORBIDDEN') expect(resourceOfField[name]).toBe('userId')
            expectRefusal(answer, { code, style: styleOf(route) })
          }
        }
      for (const [name] of required) {
        const { [name]: _missing, ...rest } = base
        const path = `${target}?${new URLSearchParams(rest).toString()}`
        const answer = await mesh.request(route.method, path, { headers: callerOf(route) })
        expectRefusal(answer, { code: 'INVALID_REQUEST', style: styleOf(route), names: name })
      }
      const names = Object.keys(schema.shape)
      for (const query of [
        names.map((name) => `${name}=a&${name}=b`).join('&'),
        names.map((name) => `${name}[a]=b`).join('&'),
        '__proto__=a&constructor=b&toString=c',
        names.map((name) => `${name}=%ff`).join('&'),
        `${'a=b&'.repeat(1_500)}`,
      ]) {
        const answer = await mesh.request(route.method, `${target}?${query}`, { headers: callerOf(route) })
        expect([query, answer.status < 500]).toEqual([query, true])
      }
      const nul = await mesh.request(route.method, `${target}?${names[0]!}=a%00b`, { headers: callerOf(route) })
      expectRefusal(nul, { code: 'INVALID_REQUEST', style: styleOf(route) })
    })
  })
})
