/** The router that the edge and the internal servers share: what it finds is what a service then answers. */
import { allRoutes, MeshError } from '@clawmesh/contracts'
import { createRouteTable } from '../src/index.ts'

const table = createRouteTable()

const codeOf = (method: string, url: string): string => {
  try {
    return table.find(method, url).operationId
  } catch (thrown) {
    return thrown instanceof MeshError ? thrown.code : 'another error'
  }
}

it.each(allRoutes.map((route) => [`${route.method} ${route.path}`, route] as const))('finds %s', (_title, route) => {
  const url = route.path.replace(/\{(\w+)(\.{3})?\}/g, (_, _name, rest) =>
    rest === undefined ? 'some%2Fid' : 'a/b%20c.md',
  )
  expect(table.find(route.method, url)).toBe(route)
  expect(table.find(route.method, `${url}?a=b/c`)).toBe(route)
})

it('takes HEAD for GET, and a literal segment before a parameter', () => {
  expect(codeOf('HEAD', '/v1/agents')).toBe('listAgents')
  expect(codeOf('GET', '/v1/memory/documents')).toBe('listAllMemoryDocuments')
  expect(codeOf('GET', '/v1/channels/instances')).toBe('listChannelInstances')
})

it.each([
  ['GET', '/v1/agents/'],
  ['DELETE', '/v1/agents/'],
  ['GET', '/v1/sessions/?limit=1'],
  ['POST', '/v1/agents//wake'],
  ['GET', '/v1/agents//memory/documents'],
  ['GET', '/v1/tools/builtin/'],
  ['GET', '/v1/agents/x/'],
  ['GET', '/V1/agents'],
  ['GET', '//v1/agents'],
  ['GET', '/v1/nothing'],
  ['GET', ''],
])('knows no %s %s: no parameter is empty, and nothing is tidied up', (method, url) => {
  expect(codeOf(method, url)).toBe('NOT_FOUND')
})

it('takes a folder with nothing after its slash for the folder itself', () => {
  expect(codeOf('GET', '/docs/')).toBe('getDocsPage')
  expect(codeOf('GET', '/v1/agents/x/memory/documents/')).toBe('listAgentMemoryDocuments')
  expect(codeOf('DELETE', '/v1/agents/x/memory/documents/')).toBe('METHOD_NOT_ALLOWED')
})

it('tells another method of a known path from an unknown path', () => {
  expect(codeOf('PATCH', '/v1/agents')).toBe('METHOD_NOT_ALLOWED')
  expect(codeOf('BREW', '/v1/agents/x')).toBe('METHOD_NOT_ALLOWED')
  expect(codeOf('BREW', '/v1/agents/')).toBe('NOT_FOUND')
})
