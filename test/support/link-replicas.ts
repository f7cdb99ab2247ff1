/** Replicas of a service that is called over links, each behind a proxy that can be cut, stalled and slowed down. */
import { masterTenantId, type Caller } from '@clawmesh/contracts'
import { AgentsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/agents.ts'
import { ProvidersServiceService, type ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import {
  connectGrpc,
  connectLinked,
  createIdentityTokens,
  createLinkPool,
  createLogger,
  implementRpc,
  type Call,
  type LinkPool,
  type RpcFunctions,
  type TlsSettings,
} from '@clawmesh/chassis'
import { startRpcServer, type RpcServer } from '@clawmesh/chassis/grpc-server'
import { hangLimitMs } from './limits.ts'
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export type Agents = RpcFunctions<typeof AgentsServiceService>
export type Providers = RpcFunctions<typeof ProvidersServiceService>

export const linkSecret = 'a secret of at least 32 characters'
export const linkTokens = createIdentityTokens(linkSecret)
export const linkCaller: Caller = {
  tenantId: masterTenantId,
  tenantSlug: 'master',
  userId: 'alice',
  role: 'operator',
  scopes: [],
  credential: 'api-key',
  userBound: false,
  locale: 'en',
}
export const callOf = (signal = new AbortController().signal, caller = linkCaller): Call => ({
  caller,
  requestId: 'r-1',
  signal,
})

export const foundAgent: Awaited<ReturnType<Agents['resolveAgent']>> = {
  found: true,
  id: '',
  agentKey: '',
  status: '',
  ownerId: '',
  workspace: '',
  toolsConfigJson: '',
  memoryConfigJson: '',
  agentType: '',
  selfEvolve: false,
  shareMemory: false,
  hasAccess: true,
  shareKnowledgeGraph: false,
}
export const deltaOf = (value: string): ChatResponse => ({ event: { $case: 'textDelta', value } })
export const textOf = ({ event }: ChatResponse): string => (event as { value: string }).value
export const chatAs = (model: string) => ({
  provider: '',
  model,
  messages: [],
  tools: [],
  options: undefined,
  sampling: undefined,
  stream: true,
})
export const fileOf = (fileName: string) => ({ agentId: '', userId: '', fileName, content: '' })

/** What a replica does; what is not given answers at once. */
export interface Behaviour {
  read?: Agents['resolveAgent']
  write?: Agents['setContextFile']
  stream?: Providers['chat']
}

export interface Replica {
  address: string
  server: RpcServer
  proxy: TcpProxy
  /** Names of the functions that are running, one entry each. */
  running: string[]
  /** Names of files that were written, one entry each time. */
  written: string[]
  stop: () => Promise<void>
}

export interface ReplicaOptions extends Behaviour {
  lagMs?: () => number
  maxConnectionAgeMs?: number
  keepaliveMs?: number
  tls?: TlsSettings
}

/** Starts a replica on a port of its own. */
export const startReplica = async ({
  lagMs,
  maxConnectionAgeMs = 600_000,
  keepaliveMs,
  tls = {},
  ...behaviour
}: ReplicaOptions = {}): Promise<Replica> => {
  const { read = async () => foundAgent, write = async () => ({}) } = behaviour
  const { stream = () => [deltaOf('a')] as unknown as AsyncIterable<ChatResponse> } = behaviour
  const running: string[] = []
  const written: string[] = []
  const during = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    running.push(name)
    try {
      return await run()
    } finally {
      running.splice(running.indexOf(name), 1)
    }
  }
  const agents: Agents = {
    resolveAgent: (call, request) => during('read', () => read(call, request)),
    getContextFile: async () => ({ found: false, content: '' }),
    checkFileWriter: async () => ({ allowed: true }),
    setContextFile: (call, request) => {
      written.push(request.fileName)
      return during('write', () => write(call, request))
    },
  }
  const providers: Providers = {
    chat: async function* (call, request) {
      running.push('stream')
      try {
        yield* stream(call, request)
      } finally {
        running.splice(running.indexOf('stream'), 1)
      }
    },
    embed: async () => ({ configured: false, vectors: [], provider: '', model: '' }),
    getAccountPool: async () => ({ isAccount: false, strategy: '', extraProviders: [], signedIn: [] }),
    listMediaProviders: async () => ({ providers: [] }),
    makeMedia: async function* () {},
  }
  const server = await startRpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [implementRpc(AgentsServiceService, agents), implementRpc(ProvidersServiceService, providers)],
    tokens: linkTokens,
    log: createLogger({ level: 'silent', name: 'test' }),
    maxConnectionAgeMs,
    keepaliveMs,
    tls,
  })
  const proxy = await openTcpProxy('127.0.0.1', server.port, lagMs)
  return {
    address: `127.0.0.1:${proxy.port}`,
    server,
    proxy,
    running,
    written,
    stop: async () => {
      await proxy.shut()
      await server.drain(1_000)
    },
  }
}

export interface RpcClient {
  agents: Agents
  providers: Providers
  close: () => void
}

export interface LinkClient extends RpcClient {
  pool: LinkPool
}

const patience = { rpcTimeoutMs: hangLimitMs, streamTimeoutMs: hangLimitMs }

/** A client of replicas; `addresses` is asked at each look-up. What knows no links is looked for at `plain`, where nobody is. */
export const linkTo = (addresses: () => readonly string[], timeouts = patience, plain = '127.0.0.1:1'): LinkClient => {
  const pool = createLinkPool({
    target: 'dns:///service:9090',
    identity: () => linkTokens.mint(linkCaller),
    resolve: async () => [...addresses()],
  })
  const options = { links: pool, target: plain, tokens: linkTokens, settings: timeouts }
  const [agents, providers] = [
    connectLinked(AgentsServiceService, options),
    connectLinked(ProvidersServiceService, options),
  ]
  return {
    pool,
    agents: agents.functions as unknown as Agents,
    providers: providers.functions as unknown as Providers,
    close: () => {
      pool.close()
      agents.close()
      providers.close()
    },
  }
}

/** The same over gRPC calls, to one address. */
export const grpcTo = (address: string, timeouts = patience): RpcClient => {
  const agents = connectGrpc(AgentsServiceService, address, linkTokens, timeouts)
  const providers = connectGrpc(ProvidersServiceService, address, linkTokens, timeouts)
  return {
    agents: agents.functions as unknown as Agents,
    providers: providers.functions as unknown as Providers,
    close: () => {
      agents.close()
      providers.close()
    },
  }
}
