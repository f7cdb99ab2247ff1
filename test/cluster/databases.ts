/** PostgreSQL with pgvector, NATS and Redis in the cluster, as an operator's own that the chart is pointed at. */
import { applyIn, elsewhere, kubectl, namespace } from './kube.ts'

export const databaseUrl = 'postgres://clawmesh:clawmesh@postgres:5432/clawmesh'
const natsUrl = 'nats://nats:4222'
const redisUrl = 'redis://redis:6379'
export const connections = { database: { url: databaseUrl }, nats: { url: natsUrl }, redis: { url: redisUrl } }

const servers = [
  // More pods than an untouched server has connections for.
  { name: 'postgres', port: 5432, args: ['postgres', '-c', 'max_connections=500'] },
  { name: 'nats', port: 4222, args: ['nats-server', '--jetstream', '--store_dir', '/data'] },
  { name: 'redis', port: 6379, args: ['redis-server', '--dir', '/data', '--protected-mode', 'no'] },
] as const

const user = 102

const objectsOf = ({ name, port, args }: (typeof servers)[number], image: string): object[] => {
  const labels = { server: name }
  const env = { POSTGRES_USER: 'clawmesh', POSTGRES_PASSWORD: 'clawmesh', POSTGRES_DB: 'clawmesh' }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: labels, ports: [{ port }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            // The other node is the one that is drained.
            nodeSelector: { 'kubernetes.io/hostname': 'node-1' },
            enableServiceLinks: false,
            automountServiceAccountToken: false,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: user,
              runAsGroup: user,
              fsGroup: user,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [
              {
                name,
                image,
                imagePullPolicy: 'Never',
                args,
                env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
                ports: [{ containerPort: port }],
                // A container that asks for nothing comes last wherever a processor is short, and all wait for these.
                resources: { requests: { cpu: '100m', memory: '64Mi' } },
                readinessProbe: { tcpSocket: { port }, periodSeconds: 2, timeoutSeconds: 10 },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
                volumeMounts: [
                  { name: 'data', mountPath: '/data' },
                  { name: 'data', mountPath: '/var/lib/postgresql/data' },
                  { name: 'tmp', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [
              { name: 'data', emptyDir: {} },
              { name: 'tmp', emptyDir: {} },
            ],
          },
        },
      },
    },
  ]
}

/** Starts them and waits until they answer. */
export const startDatabases = async (image: string, where = namespace): Promise<void> => {
  await applyIn(where, ...servers.flatMap((server) => objectsOf(server, image)))
  for (const { name } of servers)
    await kubectl('rollout', 'status', `deployment/${name}`, '--timeout', '180s', ...elsewhere(where))
}

/** What PostgreSQL answers, a line a row. */
export const psql = async (statement: string, database = 'clawmesh'): Promise<string[]> => {
  const url = `postgres://clawmesh:clawmesh@127.0.0.1:5432/${database}`
  const args = ['exec', 'deployment/postgres', '--', 'psql', url, '--quiet', '--tuples-only', '--no-align']
  const text = await kubectl(...args, '--command', statement)
  return text.split('\n').filter((line) => line !== '')
}
