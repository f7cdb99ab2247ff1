/** What a chat costs each target, and what its pods hold meanwhile: the figures of docs/operations/scale.md. */
import { setTimeout as sleep } from 'node:timers/promises'
import { kubectl, list, type Pod } from './kube.ts'
import { podsOf } from './pods.ts'
import { ensureRelease, openRelease, targets, type Installed } from './release.ts'
import { expectNothingLost, underLoad } from './traffic.ts'

let installed: Installed

beforeAll(async () => {
  await ensureRelease()
  installed = await openRelease()
})
afterAll(() => installed?.stop())

const restMs = 20_000
const loadMs = 40_000
const mib = 1_048_576

/** Of all pods of a target: seconds of a processor since they began, and the most that one of them holds. */
interface Used {
  cpuSeconds: number
  residentBytes: number
}

const numberIn = (text: string, name: string): number => {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? []
  if (value === undefined) throw new Error(`no ${name} among the metrics`)
  return Number(value)
}
const usedBy = async (target: string): Promise<Used> => {
  const texts = await Promise.all(
    (await podsOf(target)).map(async ({ status }) => (await fetch(`http://${status.podIP}:8080/metrics`)).text()),
  )
  return {
    cpuSeconds: texts.reduce((sum, text) => sum + numberIn(text, 'process_cpu_seconds_total'), 0),
    residentBytes: Math.max(...texts.map((text) => numberIn(text, 'process_resident_memory_bytes'))),
  }
}
/** Nanoseconds of a processor that a server in the cluster has used, by control groups of either version. */
const nanoseconds =
  'cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || sed -n "s/^usage_usec .*/&000/; s/^usage_usec //p" /sys/fs/cgroup/cpu.stat'
const servers = ['postgres', 'nats', 'redis']
const secondsOfServers = async (): Promise<Record<string, number>> => {
  const texts = servers.map((name) => kubectl('exec', `deployment/${name}`, '--', 'sh', '-c', nanoseconds))
  return Object.fromEntries((await Promise.all(texts)).map((text, at) => [servers[at]!, Number(text) / 1e9]))
}
const usedByAll = async (): Promise<Record<string, Used>> =>
  Object.fromEntries(await Promise.all(targets.map(async (target) => [target, await usedBy(target)] as const)))

/** Of the container of a target's pods, in bytes. */
const limitOf = async (target: string): Promise<number> => {
  const [pod] = await list<Pod & { spec: { containers: { resources: { limits: { memory: string } } }[] } }>(
    'pods',
    target,
  )
  const { memory } = pod!.spec.containers[0]!.resources.limits
  const [, amount, unit] = /^(\d+)(Mi|Gi)$/.exec(memory) ?? []
  return Number(amount) * (unit === 'Gi' ? 1024 : 1) * mib
}

test('under a load of chats every pod stays well below its memory limit, and nothing is lost', async () => {
  const serversBegan = await secondsOfServers()
  const began = await usedByAll()
  const report = await underLoad(installed, () => sleep(loadMs), 0)
  const loaded = await usedByAll()
  const serversLoaded = await secondsOfServers()
  // Afterwards, when what starts late has started.
  await sleep(restMs)
  const rested = await usedByAll()
  expectNothingLost(report)
  for (const name of servers) {
    const worked = serversLoaded[name]! - serversBegan[name]!
    process.stdout.write(`${name}: ${((worked / report.answered) * 1_000).toFixed(1)} ms of a processor a chat\n`)
  }
  for (const target of targets) {
    const [first, last, idle] = [began[target]!, loaded[target]!, rested[target]!]
    const perSecond = (idle.cpuSeconds - last.cpuSeconds) / (restMs / 1_000)
    // All answers, those before the mark too: their work is in the sum.
    const worked = last.cpuSeconds - first.cpuSeconds - perSecond * report.seconds
    const [before, under] = [first, last].map(({ residentBytes }) => Math.round(residentBytes / mib))
    process.stdout.write(
      `${target}: ${((worked / report.answered) * 1_000).toFixed(1)} ms of a processor a chat, ` +
        `${(perSecond * 1_000).toFixed(0)} m at rest, ${before} MiB before, ${under} MiB under load\n`,
    )
    expect([target, last.residentBytes / (await limitOf(target)) < 0.8]).toEqual([target, true])
  }
})
