/** `clawmesh doctor`: what is reachable, what is wrong, and the remedy. */
import { connect } from 'node:net'
import { accessSync, constants } from 'node:fs'
import {
  chassisConfig,
  ConfigError,
  countSecrets,
  createIdentityTokens,
  createLogger,
  loadConfigs,
  openDatabase,
  pendingMigrations,
  probeLinks,
  tlsFault,
  rowSecurityFault,
  serviceCaller,
  type ChassisConfig,
  type Layers,
  type RemoteService,
  type SecretBox,
} from '@clawmesh/chassis'
import { describePlace, findBrowser } from '@clawmesh/tools/browser'
import { toolsConfig } from '@clawmesh/tools/config'
import { findSandbox, type FoundSandbox } from '@clawmesh/tools/sandbox'
import { configFilePath, configNotices, openConfiguration, readLayers } from '../configuration.ts'
import { openDataDir } from '../data-dir.ts'
import { databaseUrl, migrationTarget, migrationUrl, openSecrets } from '../host.ts'
import { secretColumns, servicesWithDatabase } from '../targets.ts'

interface Finding {
  ok: boolean
  /** Worth a look, though nothing is wrong with it. */
  note?: true
  what: string
  detail: string
  remedy?: string
}

const timeoutMs = 3_000
const oldestNode = [24, 19] as const

const reach = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    const done = (fault?: string) => {
      socket.destroy()
      resolve(fault)
    }
    socket.once('connect', () => done())
    socket.once('timeout', () => done('no answer'))
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
  })

const nodeVersion = (): Finding => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const ok = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  return { ok, what: 'Node', detail: process.version, remedy: 'start through npm scripts, which fetch Node 24' }
}

const sandbox = (found: FoundSandbox): Finding =>
  found.sandbox
    ? { ok: true, what: 'sandbox', detail: 'commands of agents and programs of MCP servers run in bubblewrap' }
    : {
        ok: true,
        note: true,
        what: 'sandbox',
        detail: `${found.missing}: agents run no commands, unless CLAWMESH_EXEC_ON_HOST lets them run on the machine itself, where programs of MCP servers run, too`,
      }

const browser = async (env: NodeJS.ProcessEnv, layers: Layers, found: FoundSandbox): Promise<Finding> => {
  const { place, ...none } = await findBrowser(
    loadConfigs({ tools: toolsConfig }, env, layers).tools,
    async () => found,
  )
  if (place === undefined)
    return {
      ok: true,
      note: true,
      what: 'browser',
      detail: `agents have none: ${'missing' in none ? none.missing : ''}`,
    }
  const isBare = place.kind === 'local' && place.sandbox === undefined
  return { ok: true, ...(isBare && { note: true as const }), what: 'browser', detail: describePlace(place) }
}

interface Configured {
  findings: Finding[]
  /** Undefined when the configuration is invalid. */
  layers?: Layers
}

const configuration = (env: NodeJS.ProcessEnv): Configured => {
  try {
    const layers = readLayers(env)
    openConfiguration(layers)
    const { unknown, unused } = configNotices(layers)
    const file = layers.file === undefined ? `no file (${configFilePath(env)} does not exist)` : layers.file.path
    const idle = (what: string, names: readonly string[]): Finding[] =>
      names.length === 0 ? [] : [{ ok: true, note: true, what, detail: names.join(', ') }]
    return {
      layers,
      findings: [
        { ok: true, what: 'configuration', detail: `valid, ${file}` },
        ...idle('unknown to Clawmesh', unknown),
        ...idle('not used (yet)', unused),
      ],
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const detail = error.faults.map(({ where, reason }) => `${where}: ${reason}`).join('; ')
    const remedy = 'docs/configuration.md lists every variable and every key'
    return { findings: [{ ok: false, what: 'configuration', detail, remedy }] }
  }
}

const dataFolder = (configured: string): Finding => {
  try {
    const dir = openDataDir(configured)
    accessSync(dir, constants.W_OK)
    return { ok: true, what: 'data folder', detail: dir }
  } catch (error) {
    return {
      ok: false,
      what: 'data folder',
      detail: (error as Error).message,
      remedy: 'set CLAWMESH_DATA_DIR to a folder you may write',
    }
  }
}

const server = async (what: string, url: string, fallbackPort: number, remedy: string): Promise<Finding> => {
  try {
    const { hostname, port } = new URL(url.includes('://') ? url : `tcp://${url}`)
    const fault = await reach(hostname, Number(port) || fallbackPort)
    return { ok: fault === undefined, what, detail: fault ?? 'reachable', remedy }
  } catch {
    return { ok: false, what, detail: 'the URL cannot be read', remedy }
  }
}

type DatabaseService = (typeof servicesWithDatabase)[number]

const keys = async (service: DatabaseService, url: string, secrets: SecretBox): Promise<Finding> => {
  const log = createLogger({ level: 'silent', name: 'doctor' })
  const opened = openDatabase({ url, schema: service, poolSize: 1, log })
  try {
    const counts = await countSecrets(opened, secretColumns[service] ?? [])
    const lost = counts.filter(({ under }) => under.includes(':') && !secrets.keyIds.includes(under.split(':')[1]!))
    return {
      ok: lost.length === 0,
      what: `secrets of ${service}`,
      detail:
        lost.map(({ table, under, count }) => `${count} in ${table} under ${under}`).join(', ') || 'keys are there',
      remedy: 'add the key that they stand under to CLAWMESH_ENCRYPTION_OTHER_KEYS (docs/operations/secrets.md)',
    }
  } finally {
    await opened.close()
  }
}

const database = async (service: DatabaseService, servingUrl: string, url: string): Promise<Finding> => {
  const what = `database of ${service}`
  try {
    const pending = await pendingMigrations(migrationTarget(service, url, servingUrl))
    if (pending.length > 0)
      return { ok: false, what, detail: `lacks ${pending.join(', ')}`, remedy: 'run clawmesh migrate' }
    const fault = await rowSecurityFault(servingUrl, service)
    return fault === undefined ? { ok: true, what, detail: 'up to date' } : { ok: false, what, ...fault }
  } catch (error) {
    return {
      ok: false,
      what,
      detail: (error as Error).message,
      remedy: 'check DATABASE_URL, and that the server is up',
    }
  }
}

/** Undefined when the keys cannot be read, which the finding about the data folder tells. */
const knownSecrets = (config: ChassisConfig): SecretBox | undefined => {
  try {
    return openSecrets(config, openDataDir(config.dataDir))
  } catch {
    return undefined
  }
}

const stored = async (
  service: DatabaseService,
  { serving, migration }: { serving: string; migration: string },
  secrets: SecretBox | undefined,
): Promise<Finding[]> => {
  const schema = await database(service, serving, migration)
  return schema.ok && secrets !== undefined && secretColumns[service] !== undefined
    ? [schema, await keys(service, serving, secrets)]
    : [schema]
}

const outside = async (config: ChassisConfig): Promise<Finding[]> => {
  const secrets = knownSecrets(config)
  const examined = await Promise.all(
    servicesWithDatabase.map(async (service) => {
      const url = databaseUrl(service, config)
      return url === '' ? [] : stored(service, { serving: url, migration: migrationUrl(service, config) }, secrets)
    }),
  )
  const found = examined.flat()
  return [
    ...(found.length === 0 ? [{ ok: true, what: 'database', detail: 'embedded (DATABASE_URL is not set)' }] : found),
    config.natsUrl === ''
      ? { ok: true, what: 'NATS', detail: 'in-process bus (NATS_URL is not set)' }
      : await server('NATS', config.natsUrl.split(',')[0]!, 4222, 'start nats-server -js, or correct NATS_URL'),
    config.redisUrl === ''
      ? { ok: true, what: 'Redis', detail: 'in-process counters (REDIS_URL is not set)' }
      : await server('Redis', config.redisUrl, 6379, 'start redis-server, or correct REDIS_URL'),
  ]
}

/** Whether a service is looked for where nobody said that it is: it may as well be in the process that asks. */
const isAssumed = (service: RemoteService, config: ChassisConfig): boolean =>
  config[`${service}GrpcUrl`] === chassisConfig.settings[`${service}GrpcUrl`].schema.parse(undefined)

const linksTo = async (service: RemoteService, config: ChassisConfig, secret: string): Promise<Finding[]> => {
  const what = `links to ${service}`
  const tokens = createIdentityTokens(secret)
  try {
    const links = await probeLinks(config[`${service}GrpcUrl`], () => tokens.mint(serviceCaller()), config)
    const said = { ready: 'open', closed: 'no link', unsupported: 'plain gRPC only, as of an earlier release' }
    return [
      {
        ok: links.every(({ state }) => state !== 'closed'),
        what,
        detail: links
          .map(({ address, state, tookMs }) => `${address} ${said[state]} (${tookMs.toFixed(0)} ms)`)
          .join(', '),
        remedy: `start ${service}, correct its gRPC URL, or give all processes the same CLAWMESH_MESH_SECRET and CLAWMESH_MESH_TLS`,
      },
    ]
  } catch (error) {
    if (isAssumed(service, config)) return []
    return [{ ok: false, what, detail: (error as Error).message, remedy: `correct the gRPC URL of ${service}` }]
  }
}

/** What services that run apart find of each other; nothing where all is one process. */
const links = async (config: ChassisConfig): Promise<Finding[]> => {
  const { meshSecret } = config
  if (meshSecret === undefined || (config.rpcTransport !== 'link' && config.edgeTransport !== 'link')) return []
  const fault = tlsFault(config)
  if (fault !== undefined)
    return [
      {
        ok: false,
        what: 'certificates of the mesh',
        detail: fault,
        remedy: 'put tls.crt, tls.key and ca.crt there, correct CLAWMESH_MESH_TLS_DIR, or set CLAWMESH_MESH_TLS to off',
      },
    ]
  return (await Promise.all(servicesWithDatabase.map((service) => linksTo(service, config, meshSecret)))).flat()
}

/** Looks at everything and returns the report, and whether all is well. */
export const doctor = async (env: NodeJS.ProcessEnv): Promise<{ text: string; ok: boolean }> => {
  const { findings: configured, layers } = configuration(env)
  const config = layers === undefined ? undefined : loadConfigs({ chassis: chassisConfig }, env, layers).chassis
  const found = await findSandbox()
  const findings = [
    nodeVersion(),
    sandbox(found),
    ...configured,
    ...(layers === undefined ? [] : [await browser(env, layers, found)]),
    ...(config === undefined ? [] : [dataFolder(config.dataDir), ...(await outside(config)), ...(await links(config))]),
  ]
  return {
    ok: findings.every(({ ok }) => ok),
    text: findings
      .map(
        ({ ok, note, what, detail, remedy }) =>
          `${ok ? (note ? 'note ' : 'ok   ') : 'WRONG'} ${what}: ${detail}${ok || !remedy ? '' : `\n      remedy: ${remedy}`}`,
      )
      .join('\n'),
  }
}
