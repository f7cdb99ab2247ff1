/** Every refusal that the contract matrix knows, in every language: nothing English is left in the others. */
import { randomUUID } from 'node:crypto'
import { locales, type Role, type Route } from '@clawmesh/contracts'
import type { RequestParts } from '../support/all-in-one-request.ts'
import { startAllInOne, type AllInOne, type TestTenant } from '../support/all-in-one.ts'
import { errorText } from './expectations.ts'
import { faultsOf } from './json-samples.ts'
import { fillPath, guardedRoutes, titled } from './routes.ts'

let mesh: AllInOne
let tenant: TestTenant

beforeAll(async () => {
  mesh = await startAllInOne()
  tenant = await mesh.makeTenant('languages')
})
afterAll(() => mesh.stop())

const path = (route: Route): string => fillPath(route, () => randomUUID())
/** Clients of clawgo's API are refused in the same words in every language. */
const localised = guardedRoutes.filter(
  // The bridge knows no roles but that of the gateway token.
  ({ definition }) => definition.dialect !== 'clawgo' && definition.bridge !== true,
)
const lower: Partial<Record<Role | 'public', Role>> = { operator: 'viewer', admin: 'operator', owner: 'admin' }

/** What is left of a text without names of the wire: paths, ids, quoted texts. */
const wordsOf = (text: string): string => text.replace(/"[^"]*"|\/[\w{}./-]+|[0-9a-f]{8}-[0-9a-f-]{27}/g, '')

/** Asserts that a refusal says the same in three languages, each in its own. */
const expectTranslated = async (status: number, method: string, url: string, parts: RequestParts): Promise<void> => {
  const answers = await Promise.all(
    locales.map((locale) =>
      mesh.request(method, url, { ...parts, headers: { ...parts.headers, 'accept-language': locale } }),
    ),
  )
  expect(answers.map((answer) => answer.status)).toEqual(locales.map(() => status))
  const [en = '', vi = '', zh = ''] = answers.map(errorText)
  expect(new Set([en, vi, zh]).size).toBe(3)
  expect(vi).toMatch(/[à-ỹđ]/iu)
  expect(zh).toMatch(/\p{Script=Han}/u)
  expect(wordsOf(zh)).not.toMatch(/[A-Za-z]+ [a-z]+ [a-z]+/)
}

describe.each(titled(localised))('%s is refused in the language of the caller', (_title, route) => {
  const { definition, method } = route

  test('without a credential', () => expectTranslated(401, method, path(route), {}))

  test('with a role that is too low', async () => {
    const role = lower[definition.role]
    if (role === undefined || definition.bridge === true) return
    await expectTranslated(403, method, path(route), { headers: tenant.as(role) })
  })

  test('with a bad body', async () => {
    if (definition.body === undefined) return
    const headers = definition.bridge === true ? mesh.owner() : tenant.as(definition.role as Role)
    // One fault of each kind says what all of its kind say.
    const isRead = ({ path: at }: { path: readonly string[] }) => definition.lenientBody !== true || at.length > 0
    const faults = new Map(
      faultsOf(definition.body)
        .filter(isRead)
        .map((fault) => [fault.what, fault]),
    )
    for (const { value } of faults.values()) await expectTranslated(400, method, path(route), { headers, body: value })
    if (definition.lenientBody !== true) await expectTranslated(400, method, path(route), { headers, body: '{"a":' })
  })

  test('for a thing that is not there', async () => {
    if (method !== 'GET' || !route.path.includes('{')) return
    const headers = tenant.as(definition.role as Role)
    if ((await mesh.request('GET', path(route), { headers })).status !== 404) return
    await expectTranslated(404, method, path(route), { headers })
  })
})

test('a tool is described in the language of the caller', async () => {
  const described = await Promise.all(
    locales.map(async (locale) => {
      const headers = { ...tenant.as('viewer'), 'accept-language': locale }
      return (await mesh.request<{ description: string }>('GET', '/v1/tools/builtin/exec', { headers })).body
        .description
    }),
  )
  expect(new Set(described).size).toBe(3)
})
