/** The chart installed as its users do, over servers in the cluster, with a fake vendor on this machine behind it. */
import { readFileSync } from 'node:fs'
import { fakeOpenAi } from '../fakes/openai.ts'
import type { FakeUpstream } from '../fakes/http-fake.ts'
import { root } from '../charts/tools.ts'
import { apiOf, type Api } from '../support/mesh-api.ts'
import { connections, startDatabases } from './databases.ts'
import { apply, helm, hostAddress, kubectl, namespace, release, tryHelm } from './kube.ts'

export const chart = 'charts/clawmesh'
const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }
export const dependenciesImage = `localhost/clawmesh-dependencies:${version}`

/** Little, so that two small nodes hold many pods, and patient, as all of them start at once; limits are the chart's. */
const small = {
  resources: { requests: { cpu: '10m', memory: '96Mi' } },
  probes: {
    startup: { timeoutSeconds: 15, failureThreshold: 300 },
    readiness: { timeoutSeconds: 15 },
    liveness: { timeoutSeconds: 30 },
  },
}
export const targets = [
  'gateway',
  'identity',
  'agents',
  'providers',
  'memory',
  'tools',
  'channels',
  'packages',
  'traces',
]

/** Values over those of a profile, as this cluster needs them. */
export const values = {
  ...connections,
  settings: { CLAWMESH_FETCH_ALLOW: hostAddress, CLAWMESH_RATE_LIMIT_RPM: 0 },
  targets: Object.fromEntries(targets.map((target) => [target, small])),
}

/** A namespace that holds pods to the strictest of Kubernetes' standards. */
export const makeNamespace = (name = namespace): Promise<void> =>
  apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  })

export const installArgs = (profile: string, ...more: string[]): string[] => [
  ...['install', release, chart, '--values', `${chart}/profiles/${profile}.yaml`, '--values', '-'],
  ...['--wait', '--timeout', '15m', ...more],
]
export const upgradeArgs = (...more: string[]): string[] => [
  ...['upgrade', release, chart, '--reuse-values', '--values', '-', '--wait', '--timeout', '15m', ...more],
]

/** Installs `standard` unless it is installed. */
export const ensureRelease = async (): Promise<void> => {
  await makeNamespace()
  await startDatabases(dependenciesImage)
  if ((await tryHelm(['status', release])).code !== 0) await helm(installArgs('standard'), values)
}

export interface Installed {
  /** The address of the edge's Service, which this machine reaches as pods do. */
  url: string
  token: string
  upstream: FakeUpstream
  api: (userId?: string) => Api
  stop: () => Promise<void>
}

/** Clients of the installed release, and a fake vendor as the provider of its agents. */
export const openRelease = async (): Promise<Installed> => {
  const address = await kubectl('get', 'service', release, '--output', 'jsonpath={.spec.clusterIP}')
  const url = `http://${address}`
  const secret = `go-template={{index .data "gateway-token" | base64decode}}`
  const token = await kubectl('get', 'secret', `${release}-keys`, '--output', secret)
  const upstream = await fakeOpenAi({}, 'compatible', hostAddress)
  const api = (userId = 'system') => apiOf({ url, token, userId })
  const provider = { name: 'fake', provider_type: 'openai_compat', api_base: upstream.base, api_key: 'sk-cluster' }
  const { providers } = await api().need<{ providers: { id: string; name: string }[] }>('GET', '/v1/providers')
  const known = providers.find(({ name }) => name === provider.name)
  if (known === undefined) await api().need('POST', '/v1/providers', provider)
  else await api().need('PUT', `/v1/providers/${known.id}`, { api_base: upstream.base, api_key: provider.api_key })
  return { url, token, upstream, api, stop: () => upstream.close() }
}
