/** The tables of the WebSocket protocol hold together, and the documents made of them tell all of it. */
import { openRpcDocument, roles, scopesFor, ws, wsAsyncApiDocument, wsEvents, wsRoutes } from '@clawmesh/contracts'

interface OpenRpc {
  methods: {
    name: string
    'x-role': string
    'x-scopes': string[]
    params: { name: string; required: boolean; schema: object; 'x-aliases'?: string[] }[]
    result: { schema: object }
    errors: { message: string }[]
  }[]
}

test('no two services answer one method', () => {
  const names = Object.values(ws).flatMap(({ methods }) => Object.keys(methods))
  expect(new Set(names).size).toBe(names.length)
  expect([...wsRoutes.keys()].sort()).toEqual(names.sort())
})

test('no param is called by two names, its own or an alias', () => {
  for (const { name, definition } of wsRoutes.values()) {
    const params = Object.keys(definition.params.shape)
    const spellings = [...params, ...Object.values(definition.aliases ?? {}).flat()]
    expect({ name, spellings: new Set(spellings).size }).toEqual({ name, spellings: spellings.length })
    for (const aliased of Object.keys(definition.aliases ?? {})) expect(params).toContain(aliased)
  }
})

test('every method has a role, and one that changes something is not for every key', () => {
  for (const { definition } of wsRoutes.values()) {
    expect([...roles, 'authenticated', 'public']).toContain(definition.role)
    if (['operator', 'admin', 'owner'].includes(definition.role)) {
      expect(scopesFor(definition)).toContain('operator.admin')
      expect(scopesFor(definition)).not.toContain('operator.read')
    }
  }
})

test('the OpenRPC document tells every method with params, result, errors, role and scopes', () => {
  const { methods } = openRpcDocument('1.2.3') as OpenRpc
  expect(methods.map(({ name }) => name).sort()).toEqual([...wsRoutes.keys()].sort())
  const approve = methods.find(({ name }) => name === 'device.pair.approve')!
  expect(approve).toMatchObject({ 'x-role': 'admin', 'x-scopes': ['operator.admin', 'operator.pairing'] })
  expect(approve.params.map(({ name, required }) => [name, required])).toEqual([
    ['code', true],
    ['approvedBy', false],
  ])
  expect(approve.errors.map(({ message }) => message)).toEqual(
    expect.arrayContaining(['UNAUTHORIZED', 'INVALID_REQUEST', 'NOT_FOUND']),
  )
  expect(methods.find(({ name }) => name === 'connect')!.params).toContainEqual(
    expect.objectContaining({ name: 'tenant_id', 'x-aliases': ['tenant_scope'] }),
  )
})

test('the AsyncAPI document tells both frames and every event', () => {
  const document = wsAsyncApiDocument('1.2.3') as { channels: { ws: { messages: Record<string, object> } } }
  expect(Object.keys(document.channels.ws.messages).sort()).toEqual(
    ['request', 'response', ...Object.keys(wsEvents)].sort(),
  )
  expect(JSON.stringify(document)).not.toContain('undefined')
})
