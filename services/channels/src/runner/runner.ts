/** Runs the instances that this replica holds the leases of, and no others. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger, Part } from '@clawmesh/chassis'
import type { ChannelAccount, ChannelType, ReceiveMessage } from '../adapters/adapter.ts'
import { readSettings } from '../adapters/settings.ts'
import type { Adapters } from '../adapters/table.ts'
import type { Credentials, JsonObject } from '../instances/types.ts'

export type LeasedInstance = ChannelAccount['instance'] & {
  channelType: ChannelType
  config: JsonObject
  /** @throws Error when they cannot be opened */
  credentials: () => Credentials
  /** Differs after each change of the instance. */
  version: string
}

export interface Leases {
  /** Renews this replica's leases, takes those of enabled instances that are free, and answers all that it holds then. */
  hold: (types: readonly ChannelType[], leaseMs: number) => Promise<LeasedInstance[]>
  release: (ids: readonly string[]) => Promise<void>
}

export interface RunnerParts {
  adapters: Adapters
  leases: Leases
  receive: ReceiveMessage
  log: Logger
  /** How long a silent replica keeps its instances. It renews three times in that time. */
  leaseMs?: number
}

interface Run {
  version: string
  abort: AbortController
  ended: Promise<void>
}

const longestPauseMs = 60_000
const pauseMs = (failures: number): number => Math.min(longestPauseMs, 1_000 * 2 ** Math.min(failures, 10))
/** Of a lease's time; the rest is for clocks that differ and adapters that let go slowly. */
const usableShare = 0.8

export const createRunner = ({ adapters, leases, receive, log, leaseMs = 30_000 }: RunnerParts): Part => {
  const runs = new Map<string, Run>()
  /** The last run of each instance that may not have let go yet. */
  const leaving = new Map<string, Promise<void>>()

  const runOnce = async (instance: LeasedInstance, signal: AbortSignal): Promise<void> => {
    const { id, tenantId, name, agentId, channelType, config, credentials } = instance
    const adapter = await adapters.find(channelType)
    if (adapter === undefined || signal.aborted) return
    const settings = readSettings(adapter, { config, credentials: credentials() }, 'en')
    const account: ChannelAccount = {
      instance: { id, tenantId, name, agentId },
      config: settings.config,
      credentials: settings.credentials,
    }
    await adapter.start(account, { signal, receive: (message) => receive(account, message) })
  }

  const keepRunning = async (instance: LeasedInstance, signal: AbortSignal): Promise<void> => {
    // Two at a time would receive everything twice.
    await leaving.get(instance.id)
    for (let failures = 0; !signal.aborted; failures++) {
      const startedAt = performance.now()
      await runOnce(instance, signal).catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err, instanceId: instance.id }, 'channels: an instance failed')
      })
      if (performance.now() - startedAt > longestPauseMs) failures = 0
      await sleep(pauseMs(failures), undefined, { signal }).catch(() => {})
    }
  }

  /** Tells a run to let go. */
  const leave = (id: string): void => {
    const run = runs.get(id)
    if (run === undefined) return
    runs.delete(id)
    run.abort.abort()
    const left = run.ended.finally(() => {
      if (leaving.get(id) === left) leaving.delete(id)
    })
    leaving.set(id, left)
  }

  const begin = (instance: LeasedInstance): void => {
    leave(instance.id)
    const abort = new AbortController()
    runs.set(instance.id, { version: instance.version, abort, ended: keepRunning(instance, abort.signal) })
  }

  /** Ends runs, and gives their leases back once they have let go and unless they run again by then. */
  const end = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) leave(id)
    await Promise.all(ids.flatMap((id) => leaving.get(id) ?? []))
    const free = ids.filter((id) => !runs.has(id))
    if (free.length > 0) await leases.release(free)
  }
  const endInBackground = (ids: readonly string[]): void =>
    void end(ids).catch((err: unknown) => log.warn({ err }, 'channels: leases were not given back and will expire'))

  let expiry: NodeJS.Timeout | undefined
  const renew = async (): Promise<void> => {
    const askedAt = performance.now()
    const held = await leases.hold(adapters.types, leaseMs)
    clearTimeout(expiry)
    const leftMs = leaseMs * usableShare - (performance.now() - askedAt)
    expiry = setTimeout(() => endInBackground([...runs.keys()]), Math.max(0, leftMs))
    const versions = new Map(held.map(({ id, version }) => [id, version]))
    endInBackground([...runs.keys()].filter((id) => !versions.has(id)))
    for (const instance of held) if (runs.get(instance.id)?.version !== instance.version) begin(instance)
  }

  const stopping = new AbortController()
  let loop: Promise<void> | undefined
  const work = async (): Promise<void> => {
    const { signal } = stopping
    while (!signal.aborted) {
      await renew().catch((err: unknown) => log.warn({ err }, 'channels: leases were not renewed'))
      await sleep(leaseMs / 3, undefined, { signal }).catch(() => {})
    }
  }

  return {
    name: 'channel instances',
    start: async () => {
      loop = work()
    },
    stop: async () => {
      stopping.abort()
      await loop
      clearTimeout(expiry)
      // An adapter that does not let go keeps its lease until that expires.
      await Promise.race([end([...runs.keys()]), sleep(leaseMs, undefined, { ref: false })])
    },
  }
}
