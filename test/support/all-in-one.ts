/** The whole mesh in this jest process, over real dependencies, with tenants to try: what `clawmesh start` composes. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ApiKeyScope, Role } from '@clawmesh/contracts'
import { createLogger, createIdentityTokens, openConfigs, type IdentityTokens, type Logger } from '@clawmesh/chassis'

import { composeProcess, type MeshProcess } from '../../cli/src/process.ts'
import { configDefinitions, servicesWithDatabase, targetNames, type TargetName } from '../../cli/src/targets.ts'
import { fakeOpenAi } from '../fakes/openai.ts'
import type { FakeUpstream } from '../fakes/http-fake.ts'
import { send, type Answer, type RequestParts } from './all-in-one-request.ts'
import { createSecretSweep, inspectAnywhere, sweepNats } from './secret-sweep.ts'
import { createMigratedDatabase } from './migrated-database.ts'
import { dependencyUrl } from './dependencies.ts'
import { reservePort } from './mesh-ports.ts'
import { root } from './mesh-process.ts'
import { startNats } from './nats.ts'
import { startMigratedPglite } from './pglite.ts'

/** A user of the gateway token, who owns the system, and one who does not. */
export const systemOwnerId = 'system-owner'
/** The scopes that give an API key each role; a key never owns the system. */
export const scopesOfRole = {
  viewer: ['operator.read'],
  operator: ['operator.write'],
  admin: ['operator.admin'],
} as const satisfies Partial<Record<Role, readonly ApiKeyScope[]>>
export type KeyRole = keyof typeof scopesOfRole
export const keyRoles = Object.keys(scopesOfRole) as KeyRole[]

export type Headers = Record<string, string>

export interface TestTenant {
  id: string
  slug: string
  /** Secrets of keys that belong to the tenant, by role. */
  keys: Record<KeyRole, string>
  /** Headers of a caller with a role in this tenant; the owner comes with the gateway token and names the tenant. */
  as: (role: Role, userId?: string) => Headers
}

export interface MadeKey {
  id: string
  secret: string
}

export interface AllInOne {
  /** Address of the edge, without a slash at its end. */
  url: string
  port: number
  /** Where the services answer each other; undefined when they share a process with the gateway and need not. */
  inside: { httpPort: number; grpcTarget: string } | undefined
  gatewayToken: string
  upstream: FakeUpstream
  /** The common database of all services but memory, and memory's. */
  databaseUrls: { common: string; memory: string }
  /** The environment that further processes of the same mesh start with. */
  env: Record<string, string>
  /** Mints and checks what this mesh believes. */
  tokens: IdentityTokens
  meshSecret: string
  request: <B = Record<string, unknown>>(method: string, path: string, parts?: RequestParts) => Promise<Answer<B>>
  /** Headers of the system owner, in the master tenant unless one is named. */
  owner: (tenant?: string) => Headers
  /** A tenant of its own with a key of every role; `name` is a prefix of its slug. */
  makeTenant: (name: string) => Promise<TestTenant>
  /** A key of a tenant, or a system key when that is null. */
  makeKey: (tenantId: string | null, scopes: readonly ApiKeyScope[], ownerId?: string) => Promise<MadeKey>
  stop: () => Promise<void>
}

const shownLevel = process.env['CLAWMESH_TEST_LOG']

/** Whatever is logged is looked through; it is shown where somebody wants to see it. */
const testLog = (): Logger =>
  createLogger({
    level: shownLevel ?? 'debug',
    name: 'test',
    stream: {
      write: (line) => {
        inspectAnywhere('log', line)
        if (shownLevel !== undefined) process.stdout.write(line)
      },
    },
  })

/** Composes and starts a process of the mesh out of targets, as the command line would. */
export const startProcess = async (
  names: readonly TargetName[],
  env: Record<string, string>,
  embedded: boolean,
): Promise<MeshProcess> => {
  const mesh = await composeProcess({
    names,
    open: openConfigs(configDefinitions, { env }),
    log: testLog(),
    dataDir: env['CLAWMESH_DATA_DIR']!,
    embedded,
  })
  await mesh.start()
  return mesh
}

/** Databases, bus and secrets of a mesh; everything that several processes would share. */
const startGround = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'clawmesh-all-'))
  const [database, embedded, nats, upstream] = await Promise.all([
    createMigratedDatabase(
      'all_in_one',
      servicesWithDatabase.filter((service) => service !== 'memory'),
    ),
    // Memory needs pgvector, which the native server may lack.
    startMigratedPglite(['memory']),
    // Of its own: durable consumers have fixed names, and other suites must not take this one's events.
    startNats(),
    fakeOpenAi(),
  ])
  const meshSecret = randomBytes(24).toString('hex')
  const env: Record<string, string> = {
    DATABASE_URL: database.url,
    MEMORY_DATABASE_URL: embedded.url,
    NATS_URL: nats.url,
    REDIS_URL: dependencyUrl('redis'),
    CLAWMESH_DATA_DIR: dataDir,
    CLAWMESH_MESH_SECRET: meshSecret,
    CLAWMESH_ENCRYPTION_KEY: randomBytes(32).toString('hex'),
    CLAWMESH_CHECK_RESPONSES: 'true',
    CLAWMESH_FETCH_ALLOW: '127.0.0.1',
    CLAWMESH_RATE_LIMIT_RPM: '0',
    CLAWMESH_HTTP_HOST: '127.0.0.1',
    CLAWMESH_HTTP_PORT: '0',
    CLAWMESH_GRPC_PORT: '0',
    CLAWMESH_LAME_DUCK_MS: '0',
    // Its port is one for the whole machine.
    CLAWMESH_CHATGPT_LISTENER: 'off',
    // Machines have one or not, and tools are counted.
    CLAWMESH_BROWSER_ENABLED: 'false',
    CLAWMESH_MCP_FOLDERS: root,
    CLAWMESH_DRAIN_TIMEOUT_MS: '2000',
    GOCLAW_HOST: '127.0.0.1',
    GOCLAW_PORT: '0',
    GOCLAW_GATEWAY_TOKEN: `gateway-${randomBytes(16).toString('hex')}`,
    GOCLAW_OWNER_IDS: systemOwnerId,
  }
  return {
    env,
    upstream,
    meshSecret,
    databaseUrls: { common: database.url, memory: embedded.url },
    stop: async () => {
      await Promise.all([upstream.close(), embedded.stop(), nats.stop(), database.drop()])
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** A running mesh, however many processes it is composed of. */
interface Running {
  port: number
  inside: AllInOne['inside']
  stop: () => Promise<void>
}

const startTogether = async (env: Record<string, string>): Promise<Running> => {
  const mesh = await startProcess(targetNames, env, true)
  return { port: mesh.edgePort(), inside: undefined, stop: mesh.stop }
}

/** The services as one process and the gateway as another: what passes between them passes over HTTP and gRPC. */
const startApart = async (env: Record<string, string>): Promise<Running> => {
  const [httpPort, grpcPort] = await Promise.all([reservePort(), reservePort()])
  const grpcTarget = `127.0.0.1:${grpcPort}`
  const addresses = servicesWithDatabase.flatMap((service) => [
    [`CLAWMESH_${service.toUpperCase()}_HTTP_URL`, `http://127.0.0.1:${httpPort}`],
    [`CLAWMESH_${service.toUpperCase()}_GRPC_URL`, grpcTarget],
  ])
  const ports = { CLAWMESH_HTTP_PORT: String(httpPort), CLAWMESH_GRPC_PORT: String(grpcPort) }
  const services = await startProcess(servicesWithDatabase, { ...env, ...ports }, false)
  const gateway = await startProcess(['gateway'], { ...env, ...Object.fromEntries(addresses) }, false)
  return {
    port: gateway.edgePort(),
    inside: { httpPort, grpcTarget },
    stop: async () => {
      await gateway.stop()
      await services.stop()
    },
  }
}

/**
 * Starts every target and listens on a free port: all in one process, or with the services apart from the gateway.
 * `env` goes over the defaults: a gateway token, one owner, no rate limit, every answer checked against its contract.
 */
export const startAllInOne = async (
  env: Record<string, string> = {},
  { apart = false }: { apart?: boolean } = {},
): Promise<AllInOne> => {
  const ground = await startGround()
  Object.assign(ground.env, env)
  const sweep = createSecretSweep()
  const leaveNats = await sweepNats(ground.env['NATS_URL']!, sweep)
  let mesh: Running
  try {
    mesh = apart ? await startApart(ground.env) : await startTogether(ground.env)
  } catch (thrown) {
    await leaveNats()
    await ground.stop()
    throw thrown
  }
  const { port, inside } = mesh
  const url = `http://127.0.0.1:${port}`
  const gatewayToken = ground.env['GOCLAW_GATEWAY_TOKEN']!

  const request: AllInOne['request'] = async <B>(method: string, path: string, parts: RequestParts = {}) => {
    const answer = await send<B>(port, method, path, parts)
    sweep.inspect(`answer to ${method} ${path}`, answer.text)
    return answer
  }
  const owner = (tenant?: string): Headers => ({
    authorization: `Bearer ${gatewayToken}`,
    'x-goclaw-user-id': systemOwnerId,
    ...(tenant === undefined ? {} : { 'x-goclaw-tenant-id': tenant }),
  })

  /** Makes something as the system owner. @throws Error with the answer when that is refused */
  const make = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await request('POST', path, { headers: owner(), body })
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  const makeKey: AllInOne['makeKey'] = async (tenantId, scopes, ownerId) => {
    const made = await make('/v1/api-keys', {
      name: `key ${scopes.join(' ')}`,
      scopes,
      ...(tenantId === null ? {} : { tenant_id: tenantId }),
      ...(ownerId === undefined ? {} : { owner_id: ownerId }),
    })
    return { id: String(made['id']), secret: String(made['key']) }
  }

  const makeTenant = async (name: string): Promise<TestTenant> => {
    const slug = `${name}-${randomBytes(3).toString('hex')}`
    const id = String((await make('/v1/tenants', { name: slug, slug }))['id'])
    const secrets = await Promise.all(
      keyRoles.map(async (role) => [role, (await makeKey(id, scopesOfRole[role])).secret] as const),
    )
    const keys = Object.fromEntries(secrets) as TestTenant['keys']
    return {
      id,
      slug,
      keys,
      as: (role, userId = `user-of-${slug}`) =>
        role === 'owner' ? owner(id) : { authorization: `Bearer ${keys[role]}`, 'x-goclaw-user-id': userId },
    }
  }

  return {
    url,
    port,
    inside,
    gatewayToken,
    upstream: ground.upstream,
    databaseUrls: ground.databaseUrls,
    env: ground.env,
    tokens: createIdentityTokens(ground.meshSecret),
    meshSecret: ground.meshSecret,
    request,
    owner,
    makeTenant,
    makeKey,
    stop: async () => {
      await mesh.stop()
      await leaveNats()
      sweep.readProcesses()
      try {
        for (const database of Object.values(ground.databaseUrls)) await sweep.readDatabase(database)
      } finally {
        await ground.stop()
      }
      sweep.check()
    },
  }
}
