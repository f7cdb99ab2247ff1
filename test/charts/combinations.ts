/** Values that the chart is rendered with. */

export type Values = Record<string, unknown>

const existing = (name: string, key: string) => ({ existingSecret: { name, key } })
const outside: Values = {
  mode: 'mesh',
  database: existing('urls', 'database-url'),
  nats: existing('urls', 'nats-url'),
  redis: existing('urls', 'redis-url'),
}
const mesh = (more: Values = {}): Values => ({ ...outside, ...more })

/** The profiles, with what each needs beside its file. */
export const profiles: Record<string, Values> = { minimal: {}, standard: outside, ha: outside }

/** By what each of them is about. */
export const combinations: Record<string, Values> = {
  'nothing given': {},
  'one pod over an outside database': {
    database: { url: 'postgres://u:p@db/clawmesh' },
    nats: { url: 'nats://n:4222' },
  },
  'one pod without a volume': { targets: { all: { persistence: { enabled: false } } } },
  'one pod with a claim that is there': { targets: { all: { persistence: { existingClaim: 'mine' } } } },
  'names of its own': {
    nameOverride: 'gateway',
    fullnameOverride: 'claw',
    commonLabels: { team: 'a' },
    commonAnnotations: { note: 'b' },
  },
  mesh: mesh(),
  'mesh with URLs as values': {
    mode: 'mesh',
    database: { url: 'postgres://u:p@db:5432/c', migration: { url: 'postgresql://owner:p@db/c' } },
    nats: { url: 'nats://a:4222,nats://b:4222' },
    redis: { url: 'rediss://r:6379' },
  },
  'mesh without Redis': { ...mesh(), redis: {} },
  'databases of single services': mesh({
    database: {
      ...existing('urls', 'database-url'),
      services: {
        agents: { url: 'postgres://u:p@agents/c' },
        memory: { existingSecret: { name: 'memory', key: 'url' } },
      },
    },
  }),
  'certificates of cert-manager': mesh({
    meshTls: {
      mode: 'mutual',
      certManager: { enabled: true, issuerRef: { name: 'mesh' }, annotations: { note: 'a' } },
    },
  }),
  'certificates that exist': mesh({ meshTls: { mode: 'server', existingSecret: { name: 'certificates' } } }),
  'secrets given': mesh({
    secrets: {
      gatewayToken: { value: 'token' },
      meshSecret: { value: 'm'.repeat(32) },
      encryptionKey: { value: 'a'.repeat(64) },
      encryptionOtherKeys: { value: 'b'.repeat(64) },
      meshOtherSecrets: { value: 'n'.repeat(32) },
    },
  }),
  'secrets that exist': mesh({
    secrets: {
      gatewayToken: existing('keys', 'token'),
      meshSecret: existing('keys', 'mesh'),
      encryptionKey: existing('keys', 'key'),
      encryptionOtherKeys: existing('keys', 'others'),
      meshOtherSecrets: existing('keys', 'other-meshes'),
    },
  }),
  'images by digest, from a registry that asks': mesh({
    images: {
      slim: { registry: 'registry.example.com', digest: `sha256:${'a'.repeat(64)}`, pullPolicy: 'Always' },
      runtime: { registry: '', repository: 'team/runtime', tag: '1.2.3' },
    },
    imagePullSecrets: [{ name: 'pull' }],
  }),
  'settings of every kind': mesh({
    settings: {
      CLAWMESH_LOG_LEVEL: 'debug',
      CLAWMESH_RATE_LIMIT_RPM: 2_000_000,
      GOCLAW_ALLOWED_ORIGINS: ['https://a.example.com', 'https://b.example.com'],
      CLAWMESH_DB_PREPARED_STATEMENTS: false,
      CLAWMESH_GRPC_MAX_CONNECTION_AGE_MS: null,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    },
    targets: { agents: { settings: { CLAWMESH_DB_POOL_SIZE: 20 } }, gateway: { settings: { GOCLAW_PORT: 8443 } } },
  }),
  'a configuration file': mesh({ config: { gateway: { rate_limit_rpm: 60 }, chassis: { log_level: 'info' } } }),
  'bundled dependencies': { mode: 'mesh', bundled: { enabled: true } },
  'bundled dependencies without volumes': {
    mode: 'mesh',
    bundled: {
      enabled: true,
      password: 'p',
      postgresql: { storage: '' },
      nats: { storage: '' },
      redis: { storage: '' },
    },
  },
  'bundled but for the database': {
    mode: 'mesh',
    bundled: { enabled: true },
    database: { url: 'postgres://u:p@db/c' },
  },
  'scaled by CPU and memory': mesh({
    defaults: {
      autoscaling: { enabled: true, targetMemory: 80, behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } },
    },
  }),
  'scaled by waiting events': mesh({
    targets: { traces: { keda: { enabled: true } }, channels: { keda: { enabled: true } } },
    monitoring: { keda: { natsEndpoint: 'nats.example:8222' } },
  }),
  'budgets by what must stay': mesh({
    defaults: {
      podDisruptionBudget: { enabled: true, minAvailable: '50%', unhealthyPodEvictionPolicy: 'IfHealthyBudget' },
    },
    targets: { traces: { podDisruptionBudget: { enabled: false } }, packages: { replicaCount: 0 } },
  }),
  'pods placed by hand': mesh({
    defaults: {
      nodeSelector: { pool: 'a' },
      tolerations: [{ key: 'a', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { a: 'b' } },
        },
      ],
      priorityClassName: 'high',
      runtimeClassName: 'gvisor',
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['db'] }],
      dnsConfig: { options: [{ name: 'ndots', value: '2' }] },
    },
  }),
  'everything extra': mesh({
    defaults: {
      extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy' }],
      extraEnvFrom: [{ secretRef: { name: 'more' } }],
      extraVolumes: [{ name: 'ca', configMap: { name: 'ca' } }],
      extraVolumeMounts: [{ name: 'ca', mountPath: '/ca', readOnly: true }],
      podLabels: { a: 'b' },
      podAnnotations: { c: 'd' },
      deploymentAnnotations: { e: 'f' },
      serviceAccount: { annotations: { g: 'h' } },
    },
    extraObjects: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca' }, data: { a: 'b' } },
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}-text"}\n',
    ],
  }),
  'sidecars and starters': mesh({
    targets: {
      gateway: {
        extraContainers: [{ name: 'side', image: 'side:1' }],
        initContainers: [{ name: 'first', image: 'first:1' }],
      },
    },
  }),
  'accounts of the cluster': mesh({ defaults: { serviceAccount: { create: false, name: 'default' } } }),
  'an ingress': mesh({
    ingress: {
      enabled: true,
      className: 'nginx',
      annotations: { a: 'b' },
      hosts: [{ host: 'claw.example.com' }, { host: 'b.example.com', paths: [{ path: '/v1', pathType: 'Exact' }] }],
      tls: [{ secretName: 'tls', hosts: ['claw.example.com'] }],
    },
  }),
  'a route of the Gateway API': mesh({
    route: { enabled: true, parentRefs: [{ name: 'public', namespace: 'infra' }], hostnames: ['claw.example.com'] },
  }),
  'a load balancer': mesh({
    service: {
      type: 'LoadBalancer',
      port: 443,
      nodePort: 31_000,
      annotations: { a: 'b' },
      loadBalancerClass: 'x/y',
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      externalTrafficPolicy: 'Local',
    },
  }),
  'a closed network': mesh({
    networkPolicy: {
      edgeFrom: [{ namespaceSelector: { matchLabels: { a: 'b' } } }],
      metricsFrom: [{ podSelector: { matchLabels: { app: 'prometheus' } } }],
      database: { to: [{ ipBlock: { cidr: '10.1.0.0/16' } }], ports: [5432, 6432] },
    },
    targets: { providers: { extraEgress: [{ ports: [{ port: 11_434 }] }], internet: false, extraIngress: [{}] } },
  }),
  'no network policies': mesh({ networkPolicy: { enabled: false } }),
  monitored: mesh({
    monitoring: {
      serviceMonitor: {
        enabled: true,
        labels: { release: 'prom' },
        relabelings: [{ action: 'labeldrop', regex: 'pod' }],
      },
      prometheusRule: {
        enabled: true,
        labels: { release: 'prom' },
        extraRules: [{ alert: 'Mine', expr: 'vector(1)' }],
      },
      dashboards: { enabled: true },
    },
  }),
  'tools that share a volume': mesh({
    targets: {
      tools: {
        replicaCount: 3,
        persistence: { enabled: true, accessModes: ['ReadWriteMany'], storageClass: 'nfs', annotations: { a: 'b' } },
      },
    },
  }),
  'a migration of another deployer': mesh({
    migration: { hookAnnotations: { 'argocd.argoproj.io/hook': 'PreSync' }, backoffLimit: 0 },
    test: { enabled: false },
  }),
  'a migration that is no hook': mesh({ migration: { hookAnnotations: null } }),
  'no migration, longer farewells': mesh({
    migration: { enabled: false },
    settings: { CLAWMESH_DRAIN_TIMEOUT_MS: 300_000 },
    targets: { gateway: { terminationGracePeriodSeconds: 400 } },
  }),
}

/** Values that are refused, and a part of what is said of them. */
export const refused: Record<string, [Values, RegExp]> = {
  'a key that nobody knows': [{ replicas: 3 }, /replicas/],
  'a key of a target that nobody knows': [{ targets: { gateway: { replicaCounts: 3 } } }, /replicaCounts/],
  'a target that nobody knows': [{ targets: { mailer: {} } }, /mailer/],
  'a setting that nobody knows': [{ settings: { CLAWMESH_TYPO: 1 } }, /CLAWMESH_TYPO/],
  'a setting that is a secret': [{ settings: { GOCLAW_GATEWAY_TOKEN: 'x' } }, /GOCLAW_GATEWAY_TOKEN/],
  'a setting that the chart sets': [{ settings: { CLAWMESH_HTTP_PORT: 1 } }, /CLAWMESH_HTTP_PORT/],
  'a word of a setting that is none': [{ settings: { CLAWMESH_LOG_LEVEL: 'loud' } }, /CLAWMESH_LOG_LEVEL/],
  'a number beyond its setting': [
    { targets: { agents: { settings: { CLAWMESH_DB_POOL_SIZE: 501 } } } },
    /CLAWMESH_DB_POOL_SIZE/,
  ],
  'a text for a number': [{ defaults: { replicaCount: 'three' } }, /replicaCount/],
  'a negative number': [{ defaults: { replicaCount: -1 } }, /replicaCount/],
  'a mode that is none': [{ mode: 'both' }, /mode/],
  'a tag that is none': [{ images: { slim: { tag: 'a b' } } }, /tag/],
  'a digest that is none': [{ images: { slim: { digest: 'sha256:abc' } } }, /digest/],
  'a database of another kind': [{ database: { url: 'mysql://a' } }, /url/],
  'a short mesh secret': [{ secrets: { meshSecret: { value: 'short' } } }, /meshSecret/],
  'a database of a service that has none': [
    { database: { services: { gateway: { url: 'postgres://a' } } } },
    /gateway/,
  ],
  'a port that is none': [{ service: { port: 70_000 } }, /port/],
  'a volume of no size': [{ defaults: { persistence: { size: 'large' } } }, /size/],
  'a probe of another shape': [{ defaults: { probes: { liveness: { exec: {} } } } }, /exec/],
  'mesh without a database': [{ mode: 'mesh', nats: { url: 'nats://n' } }, /needs a database/],
  'mesh without NATS': [{ mode: 'mesh', database: { url: 'postgres://d' } }, /needs NATS/],
  'all in several pods': [{ targets: { all: { replicaCount: 2 } } }, /runs one pod/],
  'all beside bundled dependencies': [{ bundled: { enabled: true } }, /belongs to mode mesh/],
  'two scalers of one Deployment': [
    mesh({
      targets: { traces: { autoscaling: { enabled: true }, keda: { enabled: true } } },
      monitoring: { keda: { natsEndpoint: 'n:8222' } },
    }),
    /two scalers/,
  ],
  'waiting events that nobody can read': [mesh({ targets: { traces: { keda: { enabled: true } } } }), /natsEndpoint/],
  'more at least than at most': [
    mesh({ targets: { agents: { autoscaling: { enabled: true, minReplicas: 9, maxReplicas: 3 } } } }),
    /above maxReplicas/,
  ],
  'less time than leaving takes': [
    mesh({ defaults: { terminationGracePeriodSeconds: 30 } }),
    /less than the 70 seconds/,
  ],
  'replicas on a volume of one': [
    mesh({ targets: { tools: { replicaCount: 2, persistence: { enabled: true } } } }),
    /ReadWriteMany/,
  ],
  'certificates that nobody makes': [mesh({ meshTls: { mode: 'mutual' } }), /needs meshTls.existingSecret.name/],
  'certificates without an issuer': [
    mesh({ meshTls: { mode: 'server', certManager: { enabled: true } } }),
    /needs issuerRef.name/,
  ],
  'certificates within one process': [
    { meshTls: { mode: 'mutual', existingSecret: { name: 'certificates' } } },
    /belongs to mode mesh/,
  ],
  'a route to nowhere': [mesh({ route: { enabled: true } }), /parentRefs/],
  'an ingress without a host': [mesh({ ingress: { enabled: true } }), /hosts/],
}
