/** One tenant against another, for every declared route: nothing of the other is found, shown or changed. */
import { randomUUID } from 'node:crypto'
import { allRoutes, roleIncludes, roles, type Role, type Route } from '@clawmesh/contracts'
import type { Answer } from '../support/all-in-one-request.ts'
import { startAllInOne, type AllInOne, type Headers } from '../support/all-in-one.ts'
import { expectRefusal, styleOf } from './expectations.ts'
import { membersOf, validSample } from './json-samples.ts'
import {
  fillPath,
  fineWhenMissing,
  keepsByReading,
  guardedRoutes,
  namesNothing,
  paramsOf,
  resourceOf,
  resourceOfField,
  scopeOfResource,
  titled,
  type Param,
  type Resource,
} from './routes.ts'
import { openStoredState, type StoredState } from './stored-state.ts'
import { makeFullTenant, type FullTenant } from './tenant-data.ts'

const sufficient = ({ definition: { role } }: Route): Role[] =>
  roles.filter((candidate) => role !== 'public' && roleIncludes(candidate, role))
const scopeOf = (param: Param) => scopeOfResource(resourceOf(param))

/** Asserts that an answer is one of those that a route declares for when all is well. */
const expectDone = ({ definition }: Route, { status }: Answer<unknown>): void =>
  expect(Object.keys(definition.response).map(Number)).toContain(status)

/** Members of a route's body or query that name something stored. */
const references = (schema: Route['definition']['body' | 'query']): string[] =>
  schema === undefined ? [] : membersOf(schema).filter((name) => Object.hasOwn(resourceOfField, name))

test('every declared parameter and every field that looks like a name stands for something known', () => {
  const unknownParams = allRoutes.flatMap((route) =>
    paramsOf(route).filter((param) => {
      try {
        return resourceOf(param) === undefined
      } catch {
        return true
      }
    }),
  )
  expect(unknownParams.map(({ place }) => place)).toEqual([])

  const looksLikeName = /(^|_)(id|key|slug)s?$|[a-z](Id|ID|Key|Slug)s?$/
  const known = new Set([...Object.keys(resourceOfField), ...namesNothing])
  const unknownFields = allRoutes.flatMap(({ definition: { body, query } }) =>
    [body, query].flatMap((schema) => (schema === undefined ? [] : membersOf(schema))),
  )
  expect(unknownFields.filter((name) => looksLikeName.test(name) && !known.has(name))).toEqual([])
})

describe.each([
  ['in one process', false],
  ['with the services apart', true],
])('%s', (_mode, apart) => {
  let mesh: AllInOne
  let mine: FullTenant
  let theirs: FullTenant
  let state: StoredState

  beforeAll(async () => {
    mesh = await startAllInOne({}, { apart })
    mine = await makeFullTenant(mesh, 'mine')
    theirs = await makeFullTenant(mesh, 'theirs')
    state = await openStoredState(mesh)
    await state.settle()
  })
  afterAll(async () => {
    await state.close()
    await mesh.stop()
  })

  /** Roles are decided at the edge, wherever the services are. */
  const rolesOf = (route: Route): Role[] => sufficient(route).slice(0, apart ? 1 : undefined)

  /** Asserts that an answer tells nothing of the other tenant but what the request itself said. */
  const expectNothingOfTheirs = (answer: Answer<unknown>, sent: string): void => {
    expect(answer.text).not.toContain(theirs.marker)
    const shared = Object.values(mine.ids).flat()
    // Names are free: one that an earlier request chose is by now one's own, too.
    const foreign = Object.entries(theirs.ids).flatMap(([resource, ids]) =>
      scopeOfResource(resource as Resource) === 'name' ? [] : ids,
    )
    const reported = foreign.filter((id) => !sent.includes(id) && !shared.includes(id) && answer.text.includes(id))
    expect(reported).toEqual([])
    expect(answer.status).toBeLessThan(500)
  }

  /** Runs requests of one tenant that must leave the other's data as they are. */
  const leavingTheirs = async (work: () => Promise<void>): Promise<void> => {
    const before = await state.read(theirs.id)
    await work()
    expect(await state.read(theirs.id)).toEqual(before)
  }

  const ask = (route: Route, headers: Headers, fill: (param: Param) => string, more: object = {}) => {
    const { body, query } = route.definition
    const search = Object.hasOwn(query?.shape ?? {}, 'path') ? `?path=${mine.ids.documentPath[0]}` : ''
    const path = fillPath(route, fill) + search
    const sample = body === undefined ? undefined : { ...(validSample(body) as object | undefined), ...more }
    return mesh.request(route.method, path, { headers, ...(sample === undefined ? {} : { body: sample }) })
  }

  /** Whether one's own of a name that another tenant uses would be made, and could not be deleted again. */
  const stays = (route: Route, param: Param): boolean =>
    scopeOf(param) === 'name' &&
    route.method === 'PUT' &&
    !allRoutes.some(({ method, path }) => method === 'DELETE' && path === route.path)

  describe("another tenant's id is 404", () => {
    /** Routes with a parameter that a tenant owns. */
    const routes = guardedRoutes.filter((route) => paramsOf(route).some((param) => scopeOf(param) !== 'installation'))

    test.each(titled(routes))('%s', async (_title, route) => {
      const params = paramsOf(route)
      await leavingTheirs(async () => {
        for (const role of rolesOf(route))
          for (const foreign of params.filter((param) => scopeOf(param) !== 'installation' && !stays(route, param)))
            for (const id of theirs.idsOf(resourceOf(foreign))) {
              const answer = await ask(route, mine.as(role), (param) =>
                param.name === foreign.name ? id : mine.idsOf(resourceOf(param))[0]!,
              )
              expectNothingOfTheirs(answer, id)
              if (foreign === params.at(-1) && fineWhenMissing[route.operation]?.includes(role))
                expectDone(route, answer)
              // A name is free in every tenant: writing makes one's own, which later tests must not find.
              else if (scopeOf(foreign) === 'name' && route.method === 'PUT') {
                expectDone(route, answer)
                const path = fillPath(route, (param) =>
                  param.name === foreign.name ? id : mine.idsOf(resourceOf(param))[0]!,
                )
                expect((await mesh.request('DELETE', path, { headers: mine.as(role) })).status).toBeLessThan(300)
              } else expectRefusal(answer, { code: 'NOT_FOUND', style: styleOf(route) })
            }
      })
    })

    test.each(titled(routes))('%s: told apart in nothing from an id that nobody has', async (_title, route) => {
      const nobodys = randomUUID()
      for (const foreign of paramsOf(route).filter((param) => scopeOf(param) === 'tenant')) {
        const [role] = sufficient(route)
        const [id] = theirs.idsOf(resourceOf(foreign))
        const answers = await Promise.all(
          [id!, nobodys].map((value) =>
            ask(route, mine.as(role!), (param) =>
              param.name === foreign.name ? value : mine.idsOf(resourceOf(param))[0]!,
            ),
          ),
        )
        const [seen, unseen] = answers.map(({ status, text }, at) => [
          status,
          text.replace(at === 0 ? id! : nobodys, ''),
        ])
        expect(seen).toEqual(unseen)
      }
    })
  })

  describe('a scope that opens a route of the installation opens it for the tenant of the key alone', () => {
    const opened = guardedRoutes.filter(
      (route) =>
        route.definition.orScope !== undefined && paramsOf(route).some((param) => scopeOf(param) === 'installation'),
    )

    test.each(titled(opened))('%s', async (_title, route) => {
      const { secret } = await mesh.makeKey(mine.id, [route.definition.orScope!])
      const headers = { authorization: `Bearer ${secret}`, 'x-goclaw-user-id': mine.userId }
      await leavingTheirs(async () => {
        for (const foreign of paramsOf(route))
          for (const id of theirs.idsOf(resourceOf(foreign))) {
            const answer = await ask(route, headers, (param) =>
              param.name === foreign.name ? id : theirs.idsOf(resourceOf(param))[0]!,
            )
            expectNothingOfTheirs(answer, id + theirs.id)
            expect([id, [400, 403, 404].includes(answer.status)]).toEqual([id, true])
          }
      })
    })
  })

  describe("nothing of another tenant's is listed or taken, whatever a request names", () => {
    const routes = guardedRoutes.filter(
      (route) =>
        route.definition.role !== 'owner' && paramsOf(route).every((param) => scopeOf(param) !== 'installation'),
    )
    const own = (param: Param): string => mine.idsOf(resourceOf(param))[0]!

    test.each(titled(routes.filter(({ method }) => method === 'GET')))('%s', async (_title, route) => {
      const headers: Headers[] = [
        {},
        ...theirs.ids.tenant.map((tenant) => ({ 'x-goclaw-tenant-id': tenant })),
        ...theirs.ids.agent.map((agent) => ({ 'x-goclaw-agent-id': agent, 'x-goclaw-agent': agent })),
        // Who has looked would be on record from then on, under the name that the request gave.
        ...(keepsByReading.includes(route.operation) ? [] : [{ 'x-goclaw-user-id': theirs.userId }]),
      ]
      await leavingTheirs(async () => {
        for (const role of rolesOf(route).filter((candidate) => candidate !== 'owner')) {
          for (const more of headers)
            expectNothingOfTheirs(await ask(route, { ...mine.as(role), ...more }, own), JSON.stringify(more))
          for (const name of references(route.definition.query))
            for (const id of theirs.ids[resourceOfField[name]!]) {
              const query = new URLSearchParams({ path: theirs.ids.documentPath[0]!, [name]: id }).toString()
              const answer = await mesh.request('GET', `${fillPath(route, own)}?${query}`, { headers: mine.as(role) })
              expectNothingOfTheirs(answer, query)
            }
        }
      })
    })

    test.each(titled(routes.filter(({ definition: { body } }) => references(body).length > 0)))(
      '%s: in the body',
      async (_title, route) => {
        await leavingTheirs(async () => {
          for (const role of rolesOf(route).filter((candidate) => candidate !== 'owner'))
            for (const name of references(route.definition.body))
              for (const id of theirs.ids[resourceOfField[name]!]) {
                const made = { name: `made-${randomUUID().slice(0, 8)}`, message: 'hello', tool: 'list_files' }
                const fields = membersOf(route.definition.body!)
                const body = Object.fromEntries(Object.entries(made).filter(([field]) => fields.includes(field)))
                const answer = await ask(route, mine.as(role), own, { ...body, [name]: id })
                expectNothingOfTheirs(answer, id)
              }
        })
        // Some of the fields were taken as they came; the next test wants an agent that runs.
        const agent = `/v1/agents/${mine.ids.agent[0]}`
        const body = { provider: mine.ids.providerName[0] }
        expect((await mesh.request('PUT', agent, { headers: mine.as('admin'), body })).status).toBe(200)
        expect(mesh.upstream.requests.filter(({ headers, body }) => isTheirs({ headers, body }))).toHaveLength(
          theirRequests,
        )
      },
    )

    const isTheirs = (request: object): boolean => JSON.stringify(request).includes(theirs.marker)
    /** What the making of their data has sent upstream. */
    let theirRequests = 0
    beforeAll(() => {
      theirRequests = mesh.upstream.requests.filter(({ headers, body }) => isTheirs({ headers, body })).length
    })
  })
})
