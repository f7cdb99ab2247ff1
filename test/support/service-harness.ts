/** Services in this process over real databases, called as the edge and other services would call them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import {
  attachCaller,
  chassisConfig,
  createLogger,
  createMesh,
  createIdentityTokens,
  createLifecycle,
  loadConfigs,
  createLocalBus,
  newId,
  createRouteTable,
  createSecretBox,
  serviceCaller,
  type Bus,
  type Call,
  type Mesh,
  type MeshHost,
  type RemoteService,
  type RpcDefinition,
  type RpcFunctions,
  type SecretBox,
  type Service,
} from '@clawmesh/chassis'
import { errorKinds, routesOf, toMeshError, type Caller } from '@clawmesh/contracts'
import { keptConnections, patientEnv } from './limits.ts'
import { createMigratedDatabase, migrateServices } from './migrated-database.ts'
import { createSecretSweep, sweptBus } from './secret-sweep.ts'

export interface Answer<B = unknown> {
  status: number
  headers: Headers
  body: B
}

export interface ServiceHarness {
  mesh: MeshHost
  bus: Bus
  /** Calls an HTTP route of one of the services as a caller. */
  request: <B = Record<string, unknown>>(
    caller: Caller,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer<B>>
  /** Where a client of somebody else's finds the services, and what it has to send to be this caller. */
  addressFor: (caller: Caller) => { base: string; headers: Record<string, string> }
  /** The answer to a GET as it is, for one that is no text. */
  fetch: (caller: Caller, path: string) => Promise<Response>
  /** Starts a request and lets it be cut by the signal; what is read until then is told piece by piece. */
  requestAborting: (
    caller: Caller,
    method: string,
    path: string,
    body: unknown,
    options: { signal: AbortSignal; headers?: object; heard?: (piece: string) => void },
  ) => Promise<void>
  /** The gRPC functions of a service, and the call to pass. */
  rpc: <D extends RpcDefinition>(definition: D) => RpcFunctions<D>
  call: (caller: Caller) => Call
  stop: () => Promise<void>
}

export interface HarnessOptions {
  /** How each service is built. They share a bus and may call each other. */
  services: Partial<Record<RemoteService, (mesh: Mesh) => Service>>
  /** Databases by service, where the native server without pgvector will not do. */
  databaseUrls?: Partial<Record<RemoteService, string>>
  /** Services that answer in place of ones not under test, without a database. */
  standIns?: readonly Service[]
  /** Environment of the chassis. */
  env?: Record<string, string>
  /** Seals and opens what the services store. */
  secrets?: SecretBox
}

/** A caller of a fresh tenant, unless told otherwise. */
export const testCaller = (overrides: Partial<Caller> = {}): Caller => ({
  ...serviceCaller(newId(), 'test'),
  credential: 'api-key',
  userId: 'alice',
  ...overrides,
})

/** What `fetch` refuses to send and some clients send. */
const getWithBody = (url: string, headers: Record<string, string>, body: string): Promise<Response> =>
  new Promise((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(body)) }
    const request = httpRequest(url, { method: 'GET', headers: { ...headers, ...length } }, (answer) => {
      const { statusCode: status = 0 } = answer
      const contentType = answer.headers['content-type'] ?? ''
      textOf(answer).then(
        (text) => resolve(new Response(text, { status, headers: { 'content-type': contentType } })),
        reject,
      )
    })
    request.on('error', reject)
    request.end(body)
  })

/** Starts services over fresh databases and migrates them. */
export const startServices = async ({
  services,
  databaseUrls = {},
  standIns = [],
  env = {},
  secrets = createSecretBox(Buffer.alloc(32, 7)),
}: HarnessOptions): Promise<ServiceHarness> => {
  const names = Object.keys(services) as RemoteService[]
  const database = await createMigratedDatabase(
    'service',
    names.filter((name) => databaseUrls[name] === undefined),
  )
  const dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-service-'))
  const urlOf = (service: RemoteService) => databaseUrls[service] ?? database.url
  for (const name of names) if (databaseUrls[name] !== undefined) await migrateServices(databaseUrls[name], [name])

  const sweep = createSecretSweep()
  const shownLevel = process.env['CLAWMESH_TEST_LOG']
  const log = createLogger({
    level: shownLevel ?? 'debug',
    name: 'test',
    stream: {
      write: (line) => {
        sweep.inspect('log', line)
        if (shownLevel !== undefined) process.stdout.write(line)
      },
    },
  })
  const bus = sweptBus(createLocalBus(log), sweep)
  const { chassis: config } = loadConfigs(
    { chassis: chassisConfig },
    { ...patientEnv, CLAWMESH_CHECK_RESPONSES: 'true', CLAWMESH_FETCH_ALLOW: '127.0.0.1,localhost', ...env },
  )
  const mesh = createMesh({
    config,
    log,
    bus,
    tokens: createIdentityTokens('test secret of at least 32 characters'),
    secrets,
    embedded: true,
    dataDir,
    databaseUrl: urlOf,
    isEmbeddedDatabase: (service) => databaseUrls[service] !== undefined,
  })
  for (const service of standIns) mesh.join(service)
  const built = names.map((name) => {
    const service = services[name]!(mesh)
    mesh.join(service)
    return service
  })
  const life = createLifecycle(
    built.flatMap(({ parts }) => parts),
    log,
  )
  await life.start()

  const table = createRouteTable(names.flatMap((name) => routesOf(name)))
  const callers = new Map<string, Caller>()
  const server = createServer(keptConnections, (request: IncomingMessage, response) => {
    attachCaller(request, callers.get(String(request.headers['x-test-caller']))!)
    let route
    try {
      route = table.find(request.method!, request.url!)
    } catch (thrown) {
      // The edge would have answered; no service hears of it.
      return void response.writeHead(errorKinds[toMeshError(thrown).code].status).end()
    }
    built.find(({ name }) => name === route.service)!.http!(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const known = (caller: Caller) => {
    const callerId = JSON.stringify(caller)
    callers.set(callerId, caller)
    return { 'x-test-caller': callerId }
  }

  const send = (caller: Caller, method: string, path: string, rest: RequestInit) => {
    const headers = {
      ...known(caller),
      'content-type': 'application/json',
      ...(rest.headers as Record<string, string>),
    }
    if (method === 'GET' && typeof rest.body === 'string') return getWithBody(base + path, headers, rest.body)
    return fetch(base + path, { ...rest, method, headers })
  }

  return {
    mesh,
    bus,
    rpc: mesh.client,
    call: (caller) => ({ caller, requestId: newId(), signal: new AbortController().signal }),
    request: async <B>(
      caller: Caller,
      method: string,
      path: string,
      body?: unknown,
      headers: Record<string, string> = {},
    ) => {
      const response = await send(caller, method, path, {
        headers,
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body) }),
      })
      const text = await response.text()
      sweep.inspect(`answer to ${method} ${path}`, text)
      const isJson = response.headers.get('content-type')?.includes('json') === true
      return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as B }
    },
    addressFor: (caller) => ({ base, headers: known(caller) }),
    fetch: (caller, path) => send(caller, 'GET', path, {}),
    requestAborting: async (caller, method, path, body, { signal, headers = {}, heard = () => undefined }) => {
      try {
        const rest = { headers: { ...headers }, body: JSON.stringify(body), signal }
        const response = await send(caller, method, path, rest)
        for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) heard(piece)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await life.stop()
      await mesh.close()
      await bus.close()
      sweep.readProcesses()
      try {
        await sweep.readDatabase(database.url)
      } finally {
        await database.drop()
        await rm(dataDir, { recursive: true, force: true })
      }
      sweep.check()
    },
  }
}
