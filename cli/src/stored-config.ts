/** Keeps a process in step with what of the configuration was changed while the mesh ran. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ConfigError,
  newId,
  serviceCaller,
  type Configuration,
  type JsonObject,
  type Logger,
  type Mesh,
  type Part,
} from '@clawmesh/chassis'
import { cacheSubject } from '@clawmesh/contracts'
import { ConfigServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/config.ts'

/** How long a starting process waits for what is stored; after that it starts without, and takes it when it comes. */
const startWithinMs = 2_000
const askAgainMs = 1_000
/** A message about a change may be lost. */
const lookEveryMs = 60_000

interface Parts {
  mesh: Pick<Mesh, 'client' | 'bus'>
  configuration: Configuration
  /** Called after what is stored was taken. */
  taken: () => void
  log: Logger
}

export const followStoredConfig = ({ mesh, configuration, taken, log }: Parts): Part => {
  const store = mesh.client(ConfigServiceService)
  const stopped = new AbortController()
  let revision = -1
  let stops: (() => void)[] = []

  const take = async (withinMs: number): Promise<void> => {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(withinMs)])
    const stored = await store.getStoredConfig({ caller: serviceCaller(), requestId: newId(), signal }, {})
    // Of two answers the later one may come first.
    if (stored.revision <= revision) return
    try {
      configuration.store(JSON.parse(stored.valuesJson) as JsonObject)
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown
      log.error({ faults: thrown.faults }, 'the stored configuration is refused: the values of before go on')
    }
    revision = stored.revision
    taken()
  }

  let taking: Promise<void> = Promise.resolve()
  const takeSoon = () => {
    taking = taking.then(async () => {
      while (!stopped.signal.aborted) {
        try {
          return await take(lookEveryMs)
        } catch (err) {
          log.debug({ err }, 'the stored configuration could not be read yet')
          await sleep(askAgainMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined)
        }
      }
    })
  }

  return {
    name: 'stored configuration',
    start: async () => {
      const timer = setInterval(takeSoon, lookEveryMs).unref()
      stops = [mesh.bus.subscribe(cacheSubject('config'), takeSoon), () => clearInterval(timer)]
      mesh.bus.onReconnect(takeSoon)
      await take(startWithinMs).catch(takeSoon)
    },
    stop: async () => {
      stopped.abort()
      for (const stop of stops) stop()
      await taking
    },
  }
}
