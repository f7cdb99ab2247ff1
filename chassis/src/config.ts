/** The configuration that every process shares. */
import { z } from 'zod'
import { defineConfig, flag, folder, integer, list, text, type ConfigOf } from './config/define.ts'
import { parseEncryptionKey } from './crypto/secret-box.ts'

/** Names of the services that may live in another process. */
const remoteServices = ['agents', 'channels', 'identity', 'memory', 'packages', 'providers', 'tools', 'traces'] as const
export type RemoteService = (typeof remoteServices)[number]

const isHttpUrl = (value: string): boolean => /^https?:\/\//.test(value) && URL.canParse(value)

/** HTTP URLs between commas. */
const urls = (fallback: string) =>
  text(fallback).refine((value) => value.split(',').every((url) => isHttpUrl(url.trim())), 'HTTP URLs between commas')

const checkKeys = (keys: readonly string[], context: z.RefinementCtx): void => {
  try {
    keys.forEach(parseEncryptionKey)
  } catch (fault) {
    context.addIssue({ code: 'custom', message: (fault as Error).message })
  }
}
const encryptionKey = text('').superRefine((key, context) => checkKeys(key === '' ? [] : [key], context))

const addressSettings = Object.fromEntries(
  remoteServices.flatMap((service) => [
    [
      `${service}HttpUrl`,
      {
        env: [`CLAWMESH_${service.toUpperCase()}_HTTP_URL`],
        schema: urls(`http://${service}:8080`),
        about: `Where the edge finds ${service}, when it runs in another process`,
      },
    ],
    [
      `${service}GrpcUrl`,
      {
        env: [`CLAWMESH_${service.toUpperCase()}_GRPC_URL`],
        schema: text(`dns:///${service}:9090`),
        about: `gRPC target of ${service}; dns:/// names are balanced over all their addresses`,
      },
    ],
    [
      `${service}DatabaseUrl`,
      {
        env: [`${service.toUpperCase()}_DATABASE_URL`],
        schema: text(''),
        about: `PostgreSQL of ${service} alone, instead of DATABASE_URL`,
        secret: true,
      },
    ],
    [
      `${service}MigrationDatabaseUrl`,
      {
        env: [`${service.toUpperCase()}_MIGRATION_DATABASE_URL`],
        schema: text(''),
        about: `Login that owns and migrates the tables of ${service}, instead of CLAWMESH_MIGRATION_DATABASE_URL`,
        secret: true,
      },
    ],
  ]),
) as Record<
  `${RemoteService}${'HttpUrl' | 'GrpcUrl' | 'DatabaseUrl' | 'MigrationDatabaseUrl'}`,
  { env: [string]; schema: ReturnType<typeof text>; about: string }
>

export const chassisConfig = defineConfig('chassis', {
  configFile: {
    env: ['CLAWMESH_CONFIG', 'GOCLAW_CONFIG'],
    file: false,
    schema: text('config.json'),
    about: 'Configuration file (JSON5); it need not exist',
  },
  logLevel: {
    env: ['CLAWMESH_LOG_LEVEL', 'GOCLAW_LOG_LEVEL'],
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    about: 'Least severe level that is logged',
    live: true,
  },
  debug: {
    env: ['CLAWMESH_DEBUG', 'GOCLAW_DEBUG'],
    schema: flag(false),
    about: 'Log from debug on, whatever the log level says',
    live: true,
  },
  dataDir: {
    env: ['CLAWMESH_DATA_DIR', 'GOCLAW_DATA_DIR'],
    file: 'data_dir',
    schema: folder(''),
    about: 'Folder for embedded data, keys and workspaces; default ~/.clawmesh',
  },
  workspaceDir: {
    env: ['CLAWMESH_WORKSPACE', 'GOCLAW_WORKSPACE'],
    file: 'agents.defaults.workspace',
    schema: folder(''),
    about: 'Base folder of agent workspaces; default <data folder>/workspace',
  },
  natsUrl: {
    env: ['NATS_URL', 'CLAWMESH_NATS_URL'],
    schema: text(''),
    about:
      'NATS servers, comma separated, with a login where they ask for one (nats://user:password@host:4222, or a token alone); empty uses the in-process bus (one process only)',
  },
  redisUrl: {
    env: ['REDIS_URL', 'GOCLAW_REDIS_DSN'],
    schema: text(''),
    about: 'Redis or Valkey for shared rate limits; empty counts in the process',
  },
  databaseUrl: {
    env: ['DATABASE_URL', 'GOCLAW_POSTGRES_DSN'],
    schema: text(''),
    about: 'PostgreSQL for all services; each owns a schema in it. Empty starts the embedded database (target all)',
    secret: true,
  },
  autoUpgrade: {
    env: ['CLAWMESH_AUTO_UPGRADE', 'GOCLAW_AUTO_UPGRADE'],
    schema: flag(false),
    about: "Bring the database schemas of a process's services up to date when it starts; target all always does",
  },
  migrationDatabaseUrl: {
    env: ['CLAWMESH_MIGRATION_DATABASE_URL'],
    schema: text(''),
    about:
      'Login that owns the tables and migrates them; that of DATABASE_URL then need not own anything. Empty: the same',
    secret: true,
  },
  poolSize: {
    env: ['CLAWMESH_DB_POOL_SIZE'],
    schema: integer(10, 1, 500),
    about: 'Database connections a service may hold',
  },
  preparedStatements: {
    env: ['CLAWMESH_DB_PREPARED_STATEMENTS'],
    schema: flag(true),
    about:
      'Keep prepared statements on connections; switch off behind a transaction pooler such as PgBouncer, or give its address `pgbouncer=true`',
  },
  meshSecret: {
    env: ['CLAWMESH_MESH_SECRET'],
    schema: z.string().min(32, 'at least 32 characters').optional(),
    about: 'Signs identity tokens inside the mesh; the same in every process. Required when services run apart',
    secret: true,
  },
  otherMeshSecrets: {
    env: ['CLAWMESH_MESH_OTHER_SECRETS'],
    schema: list.refine((secrets) => secrets.every(({ length }) => length >= 32), 'at least 32 characters each'),
    about:
      'Mesh secrets that are believed beside the current one, comma separated: the one before, and one that is to come',
    secret: true,
  },
  encryptionKey: {
    env: ['CLAWMESH_ENCRYPTION_KEY', 'GOCLAW_ENCRYPTION_KEY'],
    schema: encryptionKey,
    about: 'Key for secrets at rest: 64 hex digits, 44-character base64 or 32 bytes. Embedded mode makes its own',
    secret: true,
  },
  otherEncryptionKeys: {
    env: ['CLAWMESH_ENCRYPTION_OTHER_KEYS', 'GOCLAW_ENCRYPTION_OTHER_KEYS'],
    schema: list.superRefine(checkKeys),
    about: 'Keys that open secrets beside the current one, comma separated: older ones, and one that is to come',
    secret: true,
  },
  httpHost: {
    env: ['CLAWMESH_HTTP_HOST'],
    schema: text('0.0.0.0'),
    about: 'Address of the internal HTTP and gRPC servers',
  },
  httpPort: {
    env: ['CLAWMESH_HTTP_PORT'],
    schema: integer(8080, 0, 65_535),
    about: 'Internal HTTP: service routes, /livez, /readyz, /metrics',
  },
  grpcPort: { env: ['CLAWMESH_GRPC_PORT'], schema: integer(9090, 0, 65_535), about: 'Internal gRPC' },
  rpcTransport: {
    env: ['CLAWMESH_RPC_TRANSPORT'],
    schema: z.enum(['link', 'grpc']).default('link'),
    about: 'How services call each other: over one link for each pair of processes, or with a gRPC call each',
  },
  edgeTransport: {
    env: ['CLAWMESH_EDGE_TRANSPORT'],
    schema: z.enum(['link', 'http']).default('link'),
    about:
      'How requests get from the edge to services in other processes: over the links to their gRPC URLs, or with HTTP to their HTTP URLs, as services need that know no links',
  },
  meshTls: {
    env: ['CLAWMESH_MESH_TLS'],
    schema: z.enum(['off', 'server', 'mutual']).default('off'),
    about:
      'Links and gRPC calls between processes over TLS, the same in all of them: with a certificate of the one that answers (`server`), or of both (`mutual`)',
  },
  meshTlsDir: {
    env: ['CLAWMESH_MESH_TLS_DIR'],
    schema: folder('/etc/clawmesh-tls'),
    about:
      'Folder with `tls.crt`, `tls.key` and `ca.crt`, as cert-manager fills a Secret; read again every minute. Certificates are of the hosts in the gRPC URLs',
  },
  rpcTimeoutMs: {
    env: ['CLAWMESH_RPC_TIMEOUT_MS'],
    schema: integer(10_000, 1),
    about: 'Deadline of a unary internal call',
  },
  streamTimeoutMs: {
    env: ['CLAWMESH_STREAM_TIMEOUT_MS'],
    schema: integer(900_000, 1),
    about: 'Deadline of a streaming internal call',
  },
  maxConnectionAgeMs: {
    env: ['CLAWMESH_GRPC_MAX_CONNECTION_AGE_MS'],
    schema: integer(60_000, 1000),
    about:
      'Age at which a server asks for another link, so that new replicas behind one address get traffic; calls that are open end first',
  },
  cacheTtlMs: {
    env: ['CLAWMESH_CACHE_TTL_MS'],
    schema: integer(60_000, 1),
    about: 'How long a cached lookup may be used when no invalidation arrives',
  },
  eventDeliveries: {
    env: ['CLAWMESH_EVENT_DELIVERIES'],
    schema: integer(5, 1, 100),
    about: 'Deliveries of an event to a consumer that fails to handle it, before it goes to the dead events',
  },
  eventRetryMs: {
    env: ['CLAWMESH_EVENT_RETRY_MS'],
    schema: integer(1_000, 10, 300_000),
    about:
      'Pause after the first failed delivery of an event; each further one is four times as long, 5 minutes at most',
  },
  deadEventsMax: {
    env: ['CLAWMESH_DEAD_EVENTS_MAX'],
    schema: integer(1_000, 1, 100_000),
    about: 'Dead events that a service keeps of a tenant; those replayed first make room, further ones are lost',
  },
  jobConcurrency: {
    env: ['CLAWMESH_JOB_CONCURRENCY'],
    schema: integer(4, 1, 100),
    about: 'Background jobs that a service works on at a time in one process; a tenant gets half of the places at most',
  },
  jobRetryMs: {
    env: ['CLAWMESH_JOB_RETRY_MS'],
    schema: integer(2_000, 10, 300_000),
    about: 'Pause after the first failed attempt at a job; each further one is four times as long, 5 minutes at most',
  },
  deadJobsMax: {
    env: ['CLAWMESH_DEAD_JOBS_MAX'],
    schema: integer(1_000, 1, 100_000),
    about: 'Dead jobs that a service keeps of a tenant; the oldest make room',
  },
  lameDuckMs: {
    env: ['CLAWMESH_LAME_DUCK_MS'],
    schema: integer(500),
    about: 'After SIGTERM: time between turning unready and refusing connections; 5000 to 15000 on Kubernetes',
  },
  drainTimeoutMs: {
    env: ['CLAWMESH_DRAIN_TIMEOUT_MS'],
    schema: integer(60_000),
    about: 'After SIGTERM: how long open requests, streams and runs may go on',
  },
  checkResponses: {
    env: ['CLAWMESH_CHECK_RESPONSES'],
    schema: flag(false),
    about: 'Refuse to send an answer that its contract does not allow (used by tests)',
  },
  fetchAllow: {
    env: ['CLAWMESH_FETCH_ALLOW'],
    schema: text(''),
    about: 'Private hosts or CIDR ranges that guarded requests may reach, comma separated',
  },
  otlpEndpoint: {
    env: ['OTEL_EXPORTER_OTLP_ENDPOINT', 'GOCLAW_TELEMETRY_ENDPOINT'],
    file: 'telemetry.endpoint',
    schema: text(''),
    about: 'OpenTelemetry collector (OTLP over HTTP), a URL or host:port; empty switches telemetry off',
  },
  telemetryEnabled: {
    env: ['CLAWMESH_TELEMETRY_ENABLED', 'GOCLAW_TELEMETRY_ENABLED'],
    file: 'telemetry.enabled',
    schema: flag(true),
    about: 'Switches telemetry off although a collector is configured',
  },
  telemetryInsecure: {
    env: ['CLAWMESH_TELEMETRY_INSECURE', 'GOCLAW_TELEMETRY_INSECURE'],
    file: 'telemetry.insecure',
    schema: flag(false),
    about: 'Reach a collector that is given as host:port over HTTP instead of HTTPS',
  },
  telemetryServiceName: {
    env: ['OTEL_SERVICE_NAME', 'GOCLAW_TELEMETRY_SERVICE_NAME'],
    file: 'telemetry.service_name',
    schema: text(''),
    about: 'Name of the process in traces; default clawmesh-<targets>',
  },
  ...addressSettings,
})

export type ChassisConfig = ConfigOf<typeof chassisConfig>
