/** Pods of a target: how many, which are new, and who talks with one. */
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

/**
 * Runs in a pod, where there is nothing but Node: the milliseconds until each port had a connection from somebody, machines'
 * own addresses left out where they are named, as probes come from there.
 */
const watch = (ports: number[], machines: string[], limitMs: number): void => {
  const { readFileSync } = process.getBuiltinModule('node:fs')
  const startedAt = Date.now()
  const seen: Record<string, number> = {}
  const look = (): void => {
    const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1))
    for (const line of lines) {
      const [, local = '', remote = '', state] = line.trim().split(/\s+/)
      const port = parseInt(local.split(':')[1] ?? '', 16)
      const from = (remote.split(':')[0] ?? '').slice(-8)
      if (state === '01' && ports.includes(port) && !machines.includes(from)) seen[port] ??= Date.now() - startedAt
    }
    if (ports.every((port) => port in seen) || Date.now() - startedAt > limitMs) console.log(JSON.stringify(seen))
    else setTimeout(look, 50)
  }
  look()
}

/** An address as the kernel's tables have it. */
const kernelForm = (address: string): string =>
  address
    .split('.')
    .toReversed()
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase()

/** After how many milliseconds, from now on, each of these ports of a pod had a connection; ports without one are absent. */
export const firstConnections = async (
  { metadata }: Pod,
  ports: readonly number[],
  machines: readonly string[],
  limitMs: number,
): Promise<Record<string, number>> => {
  const given = [ports, machines.map(kernelForm), limitMs].map((part) => JSON.stringify(part)).join(', ')
  const script = `(${watch.toString()})(${given})`
  return JSON.parse(await kubectl('exec', metadata.name, '--', 'node', '-e', script)) as Record<string, number>
}
