/** Pods of a target: how many, which are new, and what traffic one has. */
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import { isReady, kubectl, list, release, type Pod } from './kube.ts'

const readyLimitMs = 300_000

/** The pods of a target that are not on their way out. */
export const podsOf = async (target: string): Promise<Pod[]> =>
  (await list<Pod>('pods', target)).filter(({ metadata }) => !('deletionTimestamp' in metadata))

export const replicasOf = async (target: string): Promise<number> =>
  Number(await kubectl('get', `deployment/${release}-${target}`, '--output', 'jsonpath={.spec.replicas}'))

export const scale = (target: string, replicas: number): Promise<string> =>
  kubectl('scale', `deployment/${release}-${target}`, `--replicas=${replicas}`)

/** Adds a replica and waits until it is ready. */
export const addReplica = async (target: string): Promise<Pod> => {
  const before = new Set((await podsOf(target)).map(({ metadata }) => metadata.name))
  await scale(target, (await replicasOf(target)) + 1)
  return eventually(
    `a new pod of ${target}`,
    async () => (await podsOf(target)).find((pod) => !before.has(pod.metadata.name) && isReady(pod)),
    readyLimitMs,
  )
}

/** Kinds of traffic, by a line of /metrics that is there once there was some. */
const signs = {
  /** Requests of clients that the edge passed on to it. */
  requests: /^clawmesh_link_served_total\{method="http\//m,
  /** Calls of other services. */
  calls: /^clawmesh_link_served_total\{method="\//m,
  /** Requests that clients made to it, an edge. */
  clients: /^clawmesh_link_calls_total\{method="http\//m,
}
export type TrafficKind = keyof typeof signs

const askEveryMs = 100

/** After how many milliseconds, from now on, a pod had each kind of traffic; kinds that it had none of are absent. */
export const firstTraffic = async (
  { status }: Pod,
  kinds: readonly TrafficKind[],
  limitMs: number,
): Promise<Partial<Record<TrafficKind, number>>> => {
  const startedAt = performance.now()
  const seen: Partial<Record<TrafficKind, number>> = {}
  for (;;) {
    const text = await fetch(`http://${status.podIP}:8080/metrics`).then((answer) => answer.text())
    const afterMs = Math.round(performance.now() - startedAt)
    if (afterMs > limitMs) return seen
    for (const kind of kinds) if (signs[kind].test(text)) seen[kind] ??= afterMs
    if (kinds.every((kind) => kind in seen)) return seen
    await sleep(askEveryMs)
  }
}
