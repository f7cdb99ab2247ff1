/** Kubernetes and Helm as an operator uses them: the commands, and what they say. */
import { ensureTool, runTool, type Ended } from '../charts/tools.ts'
import type { KubeObject } from '../charts/rendered.ts'

/** Where pods reach what this process listens on. */
export const hostAddress = process.env['CLAWMESH_CLUSTER_HOST'] ?? ''
export const namespace = 'mesh'
export const release = 'clawmesh'

/** Everything a command said. @throws Error with that when it fails */
const must = (what: string, { code, stdout, stderr }: Ended): string => {
  if (code !== 0) throw new Error(`${what} ended with ${code}\n${stderr}${stdout}`)
  return stdout
}

const inNamespace = (args: readonly string[]): string[] => ['--namespace', namespace, ...args]

/** `kubectl` in the mesh's namespace. @throws Error with what it said when it fails */
export const kubectl = async (...args: string[]): Promise<string> =>
  must(`kubectl ${args.join(' ')}`, await runTool('kubectl', inNamespace(args)))

/** The same, when it may be refused. */
export const tryKubectl = (args: readonly string[], input = ''): Promise<Ended> =>
  runTool('kubectl', inNamespace(args), input)

/** Creates objects, or changes them. */
export const apply = (...objects: object[]): Promise<void> => applyIn(namespace, ...objects)

/** The same in another namespace. */
export const applyIn = async (where: string, ...objects: object[]): Promise<void> => {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  must('kubectl apply', await tryKubectl(['apply', '--filename', '-', ...elsewhere(where)], list))
}

/** Arguments that make a command one of another namespace: the last one counts. */
export const elsewhere = (where: string): string[] => ['--namespace', where]

/** `helm` with values on its standard input, when it may be refused. */
export const tryHelm = async (args: readonly string[], values: object = {}): Promise<Ended> =>
  runTool(await ensureTool('helm'), inNamespace(args), JSON.stringify(values))

/** The same. @throws Error with what it said when it fails */
export const helm = async (args: readonly string[], values: object = {}): Promise<string> =>
  must(`helm ${args.join(' ')}`, await tryHelm(args, values))

/** A pod, as far as the tests look into it. */
export interface Pod extends KubeObject {
  status: {
    phase: string
    podIP?: string
    conditions?: { type: string; status: string; lastTransitionTime: string }[]
    containerStatuses?: { restartCount: number }[]
  }
}

/** The objects of a kind, those of a component alone where one is named. */
export const list = async <T = KubeObject>(kind: string, component?: string): Promise<T[]> => {
  const selector = component === undefined ? [] : ['--selector', `app.kubernetes.io/component=${component}`]
  return (JSON.parse(await kubectl('get', kind, '--output', 'json', ...selector)) as { items: T[] }).items
}

export const isReady = ({ metadata, status }: Pod): boolean =>
  !('deletionTimestamp' in metadata) &&
  status.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') === true

/** Waits until a Deployment has what it asks for, new pods and no old ones. */
export const untilRolledOut = (target: string): Promise<string> =>
  kubectl('rollout', 'status', `deployment/${release}-${target}`, '--timeout', '600s')
