/** What Helm makes of the chart, as objects. */
import { parseAllDocuments } from 'yaml'
import type { Values } from './combinations.ts'
import { ensureTool, runTool, type Ended } from './tools.ts'

interface EnvEntry {
  name: string
  value?: string
  valueFrom?: { secretKeyRef?: { name: string; key: string } }
}

interface Probe {
  httpGet: { path: string; port: string }
}

export interface Container {
  name: string
  image: string
  args?: string[]
  command?: string[]
  env?: EnvEntry[]
  ports?: { name: string; containerPort: number }[]
  resources: { requests?: Record<string, string>; limits?: Record<string, string> }
  securityContext?: Record<string, unknown>
  volumeMounts?: { name: string; mountPath: string }[]
  startupProbe?: Probe
  readinessProbe?: Probe
  livenessProbe?: Probe
}

export interface PodSpec {
  containers: Container[]
  serviceAccountName?: string
  automountServiceAccountToken?: boolean
  terminationGracePeriodSeconds?: number
  securityContext?: Record<string, unknown>
  volumes?: {
    name: string
    persistentVolumeClaim?: { claimName: string }
    configMap?: { name: string }
    secret?: { secretName: string }
  }[]
}

/** An object of Kubernetes, as far as the tests look into it. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  /** Of one of a dozen kinds, whose shapes kubeconform checks. */
  spec: any
  data?: Record<string, string>
}

export const release = 'clawmesh'
const chart = 'charts/clawmesh'
/** Helm built by Go takes an old cluster for granted. */
export const kubeVersion = ['--kube-version', '1.34.4']

/** `helm template` with values, over those of a profile. */
export const render = async (values: Values, profile?: string): Promise<Ended> => {
  const files = profile === undefined ? [] : ['--values', `${chart}/profiles/${profile}.yaml`]
  return runTool(
    await ensureTool('helm'),
    ['template', release, chart, '--namespace', 'mesh', ...kubeVersion, ...files, '--values', '-'],
    JSON.stringify(values),
  )
}

/** The objects of a rendering. */
export const objectsOf = (text: string): KubeObject[] =>
  parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0]!
    const object = document.toJSON() as KubeObject | null
    return object === null ? [] : [object]
  })

export const componentOf = ({ metadata }: KubeObject): string => metadata.labels?.['app.kubernetes.io/component'] ?? ''

/** The pods that objects make, with their labels. */
export const podsOf = (
  objects: readonly KubeObject[],
): { owner: KubeObject; labels: Record<string, string>; spec: PodSpec }[] =>
  objects.flatMap((owner) => {
    if (owner.kind === 'Pod') return [{ owner, labels: owner.metadata.labels ?? {}, spec: owner.spec as PodSpec }]
    const template = (
      owner.spec as { template?: { metadata: { labels: Record<string, string> }; spec: PodSpec } } | undefined
    )?.template
    return template?.spec?.containers === undefined
      ? []
      : [{ owner, labels: template.metadata.labels, spec: template.spec }]
  })
