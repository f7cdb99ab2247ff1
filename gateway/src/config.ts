/** The edge's settings. */
import { isIP } from 'node:net'
import { ConfigError, defineConfig, flag, integer, list, packageVersion, text, type ConfigOf } from '@clawmesh/chassis'
import { addressRanges } from './edge/client-ip.ts'

/** The user id that owns the system when no owner is named. */
const defaultOwnerIds = ['system']

/** Addresses and CIDR ranges. */
const ranges = list.superRefine((values, context) => {
  try {
    addressRanges(values)
  } catch (fault) {
    context.addIssue({ code: 'custom', message: (fault as Error).message })
  }
})

export const gatewayConfig = defineConfig('gateway', {
  host: {
    env: ['GOCLAW_HOST', 'CLAWMESH_HOST'],
    schema: text(''),
    about:
      'Address that is listened on; default 0.0.0.0, but 127.0.0.1 while no gateway token is set. Another one without a token is refused, unless that is allowed too',
  },
  port: {
    env: ['GOCLAW_PORT', 'CLAWMESH_PORT'],
    schema: integer(18_790, 0, 65_535),
    about: 'Port of the public API; 0 takes a free one',
  },
  token: {
    env: ['GOCLAW_GATEWAY_TOKEN', 'CLAWMESH_GATEWAY_TOKEN'],
    schema: text(''),
    about: 'Token that opens everything. Empty is single-user development: every caller owns the system',
    secret: true,
  },
  allowInsecureNoAuth: {
    env: ['GOCLAW_ALLOW_INSECURE_NO_AUTH', 'CLAWMESH_ALLOW_INSECURE_NO_AUTH'],
    schema: flag(false),
    about: 'Serve without a gateway token where others can connect too: whoever reaches the address owns the system',
  },
  ownerIds: {
    env: ['GOCLAW_OWNER_IDS', 'CLAWMESH_OWNER_IDS'],
    schema: list.transform((ids) => (ids.length > 0 ? ids : defaultOwnerIds)),
    about: 'User ids that own the system when they come with the gateway token, comma separated; default system',
    live: true,
  },
  allowedOrigins: {
    env: ['GOCLAW_ALLOWED_ORIGINS', 'CLAWMESH_ALLOWED_ORIGINS'],
    schema: list,
    about: 'Origins whose pages may call the API from a browser, comma separated; * is all',
    live: true,
  },
  rateLimitRpm: {
    env: ['CLAWMESH_RATE_LIMIT_RPM', 'GOCLAW_RATE_LIMIT_RPM'],
    schema: integer(20, -2_147_483_648),
    about: 'Runs a user (else key, else address) may start a minute in the long run; 0 or less switches the limit off',
    live: true,
  },
  rateLimitBurst: {
    env: ['CLAWMESH_RATE_LIMIT_BURST'],
    schema: integer(5, 1),
    about: 'Runs that may be started at once after a pause',
    live: true,
  },
  replicas: {
    env: ['CLAWMESH_GATEWAY_REPLICAS'],
    schema: integer(1, 1),
    about: 'Gateways that run side by side; each grants its share of the limit while Redis is away or not configured',
    live: true,
  },
  trustedProxies: {
    env: ['CLAWMESH_TRUSTED_PROXIES'],
    schema: ranges,
    about: 'Addresses or CIDR ranges of proxies whose X-Forwarded-For and X-Real-IP are believed, comma separated',
  },
  wsMaxPerIp: {
    env: ['CLAWMESH_WS_MAX_PER_IP'],
    schema: integer(4_096, 0),
    about: 'WebSocket connections that one client address may have open at a gateway; 0 is no cap',
  },
  wsMaxPerUser: {
    env: ['CLAWMESH_WS_MAX_PER_USER'],
    schema: integer(256, 0),
    about: 'WebSocket connections that one user (else key) of a tenant may have open at a gateway; 0 is no cap',
  },
  serverName: {
    env: ['CLAWMESH_SERVER_NAME'],
    schema: text('goclaw'),
    about: 'Name that the server gives itself to WebSocket clients, some of which look for goclaw',
  },
  maxHeaderBytes: {
    env: ['CLAWMESH_MAX_HEADER_BYTES'],
    schema: integer(16_384, 1_024, 1_048_576),
    about: 'Size of a request line and its headers together; more is 431',
  },
  maxHeaders: {
    env: ['CLAWMESH_MAX_HEADERS'],
    schema: integer(100, 10, 1_000),
    about: 'Headers a request may have; more is 431',
  },
  headersTimeoutMs: {
    env: ['CLAWMESH_HEADERS_TIMEOUT_MS'],
    schema: integer(15_000, 100),
    about: 'How long the headers of a request may take to arrive; longer is 408',
  },
  requestTimeoutMs: {
    env: ['CLAWMESH_REQUEST_TIMEOUT_MS'],
    schema: integer(600_000, 100),
    about: 'How long a whole request, large uploads included, may take to arrive; longer is 408',
  },
  bodyGraceMs: {
    env: ['CLAWMESH_BODY_GRACE_MS'],
    schema: integer(10_000, 100),
    about: 'How long a body may take to arrive before its rate counts',
  },
  minBodyBytesPerSecond: {
    env: ['CLAWMESH_MIN_BODY_BYTES_PER_SECOND'],
    schema: integer(1_024),
    about: 'Rate at which a body must arrive on average after that; less is 408',
  },
  slowReaderMs: {
    env: ['CLAWMESH_SLOW_READER_MS'],
    schema: integer(60_000, 100),
    about: 'How long a client may take nothing of an answer that waits for it; then its connection is closed',
  },
  keepAliveTimeoutMs: {
    env: ['CLAWMESH_KEEP_ALIVE_TIMEOUT_MS'],
    schema: integer(65_000, 100),
    about: 'How long a connection may be idle between two requests; more than that of a load balancer before the edge',
  },
  unknownTenantFallback: {
    env: ['CLAWMESH_UNKNOWN_TENANT_FALLBACK'],
    schema: flag(false),
    about: 'Serve requests that name an unknown tenant as the master tenant, as GoClaw does, instead of 404',
  },
  idempotencyLeaseMs: {
    env: ['CLAWMESH_IDEMPOTENCY_LEASE_MS'],
    schema: integer(30_000, 1_000, 3_600_000),
    about: 'How long an Idempotency-Key stays taken after the gateway that ran its request was killed',
  },
  keyRunLeaseMs: {
    env: ['CLAWMESH_KEY_RUN_LEASE_MS'],
    schema: integer(30_000, 1_000, 3_600_000),
    about:
      'How long runs count against max_concurrent_runs of their API key after the gateway that ran them was killed',
  },
  version: {
    env: ['CLAWMESH_VERSION'],
    file: false,
    schema: text(packageVersion),
    about: 'Version shown by /health and in the OpenAPI document; images set it',
  },
})

export type GatewayConfig = ConfigOf<typeof gatewayConfig>

/** Without a gateway token there is one user, who may do everything. */
export const isDevelopment = (config: Pick<GatewayConfig, 'token'>): boolean => config.token === ''

/** Whether an address can be reached from this machine only. */
export const isLoopback = (host: string): boolean => {
  const address = host.replace(/^::ffff:/, '')
  return host === 'localhost' || host === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}

/** Where to listen: nobody but this machine may reach an edge without a token, unless the host is set by hand. */
export const listenHost = (config: Pick<GatewayConfig, 'token' | 'host'>): string =>
  config.host || (isDevelopment(config) ? '127.0.0.1' : '0.0.0.0')

/** Whether everybody who can reach the edge over a network owns the system. */
export const isOpenToAll = (config: Pick<GatewayConfig, 'token' | 'host'>): boolean =>
  isDevelopment(config) && !isLoopback(listenHost(config))

/** An edge that is open to all has to be wanted twice: by the address, and by name. @throws ConfigError */
export const refuseOpenToAll = (config: Pick<GatewayConfig, 'token' | 'host' | 'allowInsecureNoAuth'>): void => {
  if (!isOpenToAll(config) || config.allowInsecureNoAuth) return
  const reason =
    `${config.host} can be reached by others, and without GOCLAW_GATEWAY_TOKEN each of them would own the system: set a token, ` +
    'or leave the host out, or say GOCLAW_ALLOW_INSECURE_NO_AUTH=true if that is what you want'
  throw new ConfigError([{ where: 'GOCLAW_HOST', reason }])
}
