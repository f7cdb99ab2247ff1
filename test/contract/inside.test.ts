/** The services themselves, reached past the edge: they believe a signed identity and nothing else. */
import { readdirSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js'
import { fullServiceName, type RpcDefinition } from '@clawmesh/chassis'
import { allRoutes, roleIncludes, roles, type Caller, type Role } from '@clawmesh/contracts'
import { startAllInOne, type AllInOne } from '../support/all-in-one.ts'
import { send } from '../support/all-in-one-request.ts'
import { expectRefusal, styleOf } from './expectations.ts'
import { forgedTokens } from './forged-tokens.ts'
import { fillPath, titled } from './routes.ts'
import { openStoredState, type StoredState } from './stored-state.ts'
import { makeFullTenant, type FullTenant } from './tenant-data.ts'
import { hangLimitMs } from '../support/limits.ts'

type Method = RpcDefinition[string]

/** Every generated service definition, found where they are generated. */
const loadDefinitions = async (): Promise<RpcDefinition[]> => {
  const folder = fileURLToPath(new URL('../../contracts/src/gen/clawmesh', import.meta.url))
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const modules = await Promise.all(
    files.map((file) => import(pathToFileURL(join(folder, file)).href) as Promise<Record<string, unknown>>),
  )
  return modules.flatMap((exported) =>
    Object.entries(exported).flatMap(([name, value]) =>
      name.endsWith('ServiceService') ? [value as RpcDefinition] : [],
    ),
  )
}

const definitions = await loadDefinitions()
const methods = definitions.flatMap((definition) =>
  Object.entries(definition).map(([name, method]) => [method.path, name, method] as [string, string, Method]),
)

/** Asked by the edge before there is a tenant; they find things of the whole installation. */
const edgeLookups = [
  'resolveApiKey',
  'resolveTenant',
  'resolveMembership',
  'resolveOidcIssuer',
  'resolvePairing',
  'requestPairing',
  'bindPairing',
  'leavePairing',
]

let mesh: AllInOne
let mine: FullTenant
let theirs: FullTenant
let state: StoredState
let client: Client

beforeAll(async () => {
  mesh = await startAllInOne({}, { apart: true })
  mine = await makeFullTenant(mesh, 'mine')
  theirs = await makeFullTenant(mesh, 'theirs')
  state = await openStoredState(mesh)
  await state.settle()
  client = new Client(mesh.inside!.grpcTarget, credentials.createInsecure())
})
afterAll(async () => {
  client.close()
  await state.close()
  await mesh.stop()
})

const callerIn = (tenant: FullTenant, role: Role = 'admin'): Caller => ({
  tenantId: tenant.id,
  tenantSlug: tenant.slug,
  userId: tenant.userId,
  role,
  scopes: role === 'admin' ? ['operator.admin'] : [],
  credential: 'api-key',
  userBound: false,
  locale: 'en',
})

interface RpcAnswer {
  code: number
  /** Messages as text, or the status' details. */
  text: string
}

const withToken = (token: string | undefined): Metadata => {
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('x-mesh-identity', token)
  return metadata
}

const asText = (value: unknown): string => JSON.stringify(value)

/** Calls a method as whoever the token says and gathers what comes, errors included. */
const callRpc = (method: Method, request: unknown, metadata: Metadata): Promise<RpcAnswer> => {
  const serialize = method.requestSerialize as (value: unknown) => Buffer
  const deadline = Date.now() + hangLimitMs
  const failed = ({ code, details }: ServiceError): RpcAnswer => ({ code, text: details })
  if (!method.responseStream)
    return new Promise((resolve) =>
      client.makeUnaryRequest(
        method.path,
        serialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, response) => resolve(error === null ? { code: 0, text: asText(response) } : failed(error)),
      ),
    )
  return new Promise((resolve) => {
    const messages: unknown[] = []
    const { path, responseDeserialize } = method
    client
      .makeServerStreamRequest(path, serialize, responseDeserialize, request, metadata, { deadline })
      .on('data', (message) => messages.push(message))
      .on('error', (error: ServiceError) => resolve(failed(error)))
      .on('end', () => resolve({ code: 0, text: asText(messages) }))
  })
}

/** What a request asks for: something of a tenant, or something that nobody has. */
type Target = Pick<FullTenant, 'ids' | 'marker' | 'slug' | 'id' | 'userId'>

/** Values of text fields that name something, by the field's name. A field that is missing here fails a test. */
const fieldsFor = (tenant: Target, agent: string): Readonly<Record<string, unknown>> => ({
  agent,
  agentId: agent,
  userId: tenant.userId,
  path: tenant.ids.documentPath[0],
  provider: tenant.ids.providerName[0],
  query: 'Note',
  content: 'overwritten',
  fileName: 'AGENTS.md',
  keyHash: createHash('sha256').update('unknown').digest('hex'),
  // A claim of an idempotency key that nobody has claimed.
  scopeHash: createHash('sha256').update(crypto.randomUUID()).digest('hex'),
  claimId: crypto.randomUUID(),
  leaseMs: 1_000,
  answer: { bodyHash: '', status: 200, headers: {}, body: Buffer.alloc(0), whole: true },
  idOrSlug: tenant.slug,
  issuer: `https://login.example.org/${tenant.marker}`,
  audience: tenant.marker,
  senderId: tenant.marker,
  // A run of a key of nobody.
  keyId: crypto.randomUUID(),
  runId: crypto.randomUUID(),
  // An export of nobody.
  exportId: crypto.randomUUID(),
  // A reservation of nobody.
  reservationId: crypto.randomUUID(),
  // Accounts that did nothing.
  poolProviders: ['nobody'],
  servedProvider: tenant.ids.providerName[0],
  servedModel: 'gpt-4o',
  // Of a graph that has none.
  entityId: crypto.randomUUID(),
  entityType: 'person',
  // A pairing request of nobody.
  requestId: crypto.randomUUID(),
  connectionId: crypto.randomUUID(),
  id: agent,
  method: 'device.pair.list',
  operation: 'cron.list',
  sessionKey: tenant.ids.session[0],
  fromSessionKey: '',
  label: '',
  message: 'hello',
  peerKind: 'direct',
  paramsJson: '{}',
  tenantId: tenant.id,
  model: 'gpt-4o',
  tool: 'read_file',
  argumentsJson: '{"path":"secret.txt"}',
  toolsConfigJson: '',
  texts: ['hello'],
  messages: [
    {
      role: 'user',
      content: 'hello',
      images: [],
      parts: [],
      toolCalls: [],
      toolCallId: '',
      isError: false,
      thinking: '',
      providerState: '',
    },
  ],
  tools: [],
  // A change of the stored configuration, from one that never was.
  valuesJson: '{}',
  expectedRevision: -1,
  // A text to a chat of a channel that nobody has.
  channel: 'nowhere',
  chatId: '1',
  text: 'hello',
  // A system config.
  key: 'tts.auto',
  value: 'off',
  // What a vendor is to make.
  kind: 'image',
  prompt: 'hello',
  aspectRatio: '1:1',
  lyrics: '',
  // Of an archive: an agent's own things, and nothing to write.
  owner: { agentKey: agent, workspace: '' },
  documents: [],
  archivedEntities: [],
  archivedRelations: [],
  fileId: crypto.randomUUID(),
  // Of a link.
  frames: [],
  context: {
    agentId: agent,
    agentKey: agent,
    userId: tenant.userId,
    sessionKey: tenant.ids.session[0],
    channel: 'http',
    chatId: 'api',
    peerKind: 'direct',
    runId: '',
    workspace: '',
    toolsConfigJson: '',
  },
})

const emptyRequest = (method: Method): Record<string, unknown> =>
  method.requestDeserialize(Buffer.alloc(0)) as Record<string, unknown>

const requestFor = (method: Method, tenant: Target, agent: string): Record<string, unknown> => {
  const fields = fieldsFor(tenant, agent)
  return Object.fromEntries(
    Object.entries(emptyRequest(method)).map(([name, value]) => [
      name,
      Object.hasOwn(fields, name) ? fields[name] : value,
    ]),
  )
}

describe('gRPC', () => {
  it('has a service for each of the mesh, WebSocket methods, idempotency keys, stored configuration, dashboards, schedules, own sessions, archives, exports and links, and knows what every text field names', () => {
    expect(definitions).toHaveLength(18)
    const known = new Set(Object.keys(fieldsFor(mine, '')))
    const unknown = methods.flatMap(([path, , method]) =>
      Object.entries(emptyRequest(method))
        .filter(([name, value]) => (value === '' || Array.isArray(value)) && !known.has(name))
        .map(([name]) => `${path} ${name}`),
    )
    expect(unknown).toEqual([])
  })

  test.each(methods)('%s: without an identity, or with a forged one, nobody is known', async (_path, _name, method) => {
    const tokens = await forgedTokens(mesh.meshSecret, callerIn(theirs, 'owner'))
    const others = { none: undefined, empty: '', 'gateway token': mesh.gatewayToken, 'API key': theirs.keys.admin }
    for (const [what, token] of Object.entries({ ...tokens, ...others })) {
      const answer = await callRpc(method, requestFor(method, theirs, theirs.ids.agent[0]!), withToken(token))
      expect([what, answer.code, answer.text]).toEqual([what, status.UNAUTHENTICATED, 'UNAUTHORIZED'])
    }
  })

  const ofTenants = methods.filter(([, name]) => !edgeLookups.includes(name))

  test.each(ofTenants)("%s: another tenant's id is as good as one that nobody has", async (_path, _name, method) => {
    const before = { stored: await state.read(theirs.id), upstream: upstreamOfTheirs() }
    const mineToken = withToken(await mesh.tokens.mint(callerIn(mine)))
    const nobody: Target = {
      ...theirs,
      ids: { ...theirs.ids, documentPath: ['nothing.md'], providerName: ['nothing'], session: ['nothing'] },
    }
    for (const agent of theirs.ids.agent) {
      const nobodys = agent.includes('-') && agent.length === 36 ? crypto.randomUUID() : 'no-such-agent'
      const [seen, unseen] = await Promise.all([
        callRpc(method, requestFor(method, theirs, agent), mineToken),
        callRpc(method, requestFor(method, nobody, nobodys), mineToken),
      ])
      expect(seen.text).not.toContain(theirs.marker)
      expect(seen.code).not.toBe(status.INTERNAL)
      expect(seen.code).not.toBe(status.UNKNOWN)
      const known = theirs.ids.agent.filter((id) => id !== agent)
      expect(known.filter((id) => seen.text.includes(id))).toEqual([])
      expect(seen).toEqual(unseen)
    }
    expect({ stored: await state.read(theirs.id), upstream: upstreamOfTheirs() }).toEqual(before)
  })

  const upstreamOfTheirs = () =>
    mesh.upstream.requests.filter((request) => asText(request).includes(theirs.marker)).length

  /** Traces, and what reports of usage ask memory, know agents by their ids alone. */
  const askedById = ['getAgentMonthCost', 'getHeld', 'sumPoolActivity']

  it('answers the same requests to those whom they are about', async () => {
    const token = withToken(await mesh.tokens.mint(callerIn(theirs)))
    const answers: Record<string, RpcAnswer> = {}
    for (const agent of theirs.ids.agent)
      for (const [, name, method] of methods) {
        // The configuration is the system owner's.
        if (name === 'setStoredConfig') continue
        // Of an export there is none that could go on.
        if (name === 'keepPiece') continue
        // No chat platform can be reached from here.
        if (name === 'sendText') continue
        // Nor a vendor that makes images.
        if (name === 'makeMedia') continue
        if (askedById.includes(name) && agent !== theirs.ids.agent[0]) continue
        const answer = await callRpc(method, requestFor(method, theirs, agent), token)
        expect([name, agent, answer.code, answer.text]).toEqual([name, agent, 0, answer.text])
        answers[name] ??= answer
      }
    for (const name of ['invokeTool', 'getDocument', 'search']) expect(answers[name]!.text).toContain(theirs.marker)
    expect(answers['resolveAgent']!.text).toContain(theirs.ids.agent[1])
    expect(answers['listAgentsOpenTo']!.text).toContain(theirs.ids.agent[0])
  })

  /** One call with bytes as they are; health and reflection have no generated code here. */
  const raw = (path: string, bytes: Buffer): Promise<Buffer | number> =>
    new Promise((resolve) => {
      const same = (value: Buffer) => value
      if (!path.includes('Reflection')) {
        client.makeUnaryRequest(path, same, same, bytes, (error, response) => resolve(error?.code ?? response!))
        return
      }
      const stream = client.makeBidiStreamRequest(path, same, same)
      stream.on('data', (message: Buffer) => resolve(message)).on('error', (error: ServiceError) => resolve(error.code))
      stream.write(bytes)
      stream.end()
    })
  /** A message whose one field is a text (protocol buffers, wire type 2). */
  const textField = (field: number, text: string): Buffer =>
    Buffer.concat([Buffer.from([(field << 3) | 2, Buffer.byteLength(text)]), Buffer.from(text)])

  it('says of each service that it serves, and nothing of services that there are not', async () => {
    const serving = Buffer.from([0x08, 0x01])
    for (const service of ['', ...definitions.map(fullServiceName)])
      expect([service, await raw('/grpc.health.v1.Health/Check', textField(1, service))]).toEqual([service, serving])
    expect(await raw('/grpc.health.v1.Health/Check', textField(1, 'clawmesh.nothing.v1.Nothing'))).toBe(
      status.NOT_FOUND,
    )
  })

  it('shows by reflection what services there are and what they look like', async () => {
    for (const version of ['v1', 'v1alpha']) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
      const list = String(await raw(path, textField(7, '*')))
      for (const definition of definitions) {
        const name = fullServiceName(definition)
        expect(list).toContain(name)
        const file = String(await raw(path, textField(4, name)))
        for (const method of Object.values(definition)) expect(file).toContain(method.path.split('/')[2])
      }
    }
  })
})

describe('HTTP of the services, past the edge', () => {
  const inside = allRoutes.filter(({ service }) => service !== 'gateway')

  test.each(titled(inside))('%s', async (_title, route) => {
    const path = fillPath(route, () => 'no-such-thing')
    const ask = (headers: Record<string, string>) => send(mesh.inside!.httpPort, route.method, path, { headers })
    const tokens = await forgedTokens(mesh.meshSecret, callerIn(theirs, 'owner'))
    const claims = {
      authorization: `Bearer ${mesh.gatewayToken}`,
      'x-goclaw-user-id': 'system-owner',
      'x-goclaw-tenant-id': theirs.id,
    }
    for (const token of [{}, ...Object.values(tokens).map((forged) => ({ 'x-mesh-identity': forged }))])
      expectRefusal(await ask({ ...claims, ...token }), { code: 'UNAUTHORIZED', style: styleOf(route) })

    const { role: needed } = route.definition
    // What is public at the edge still comes through the edge.
    if (needed === 'public') return
    for (const role of roles.filter((candidate) => !roleIncludes(candidate, needed))) {
      const token = await mesh.tokens.mint(callerIn(mine, role))
      const answer = await ask({ ...claims, 'x-mesh-identity': token })
      expectRefusal(answer, { code: 'FORBIDDEN', style: styleOf(route), names: needed })
    }
  })
})
