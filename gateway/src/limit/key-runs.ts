/** The runs that keys with a limit have under way, which identity counts for all gateways. */
import { newId, type Call, type Logger, type Mesh } from '@clawmesh/chassis'
import { MeshError, type Bucket } from '@clawmesh/contracts'
import { IdentityServiceService } from '@clawmesh/contracts/gen/clawmesh/identity/v1/identity.ts'
import type { Admission } from '../admission/admit.ts'

/** Gives a run back. Never throws. */
type Release = () => void

/**
 * Takes one of the runs that a key may have under way; undefined where nothing limits them. A limit that cannot be asked
 * for is no reason to refuse a run. @throws RESOURCE_EXHAUSTED when the key has as many as it may
 */
export type HoldKeyRun = (bucket: Bucket, admission: Admission) => Promise<Release | undefined>

/** Runs are held on until they are given back; those of a gateway that was killed end with their lease. */
export const createKeyRuns = (mesh: Pick<Mesh, 'client'>, leaseMs: number, log: Logger): HoldKeyRun => {
  const identity = mesh.client(IdentityServiceService)

  return async (bucket, { apiKey, caller }) => {
    if (bucket !== 'run' || apiKey === undefined || apiKey.maxConcurrentRuns === 0) return undefined
    const run = { keyId: apiKey.keyId, runId: newId() }
    const call = (): Call => ({ caller, requestId: run.runId, signal: new AbortController().signal })
    const warn = (err: unknown) => log.warn({ err, ...run }, 'the runs of a key could not be counted')
    const hold = async (): Promise<boolean> => {
      try {
        return (await identity.holdKeyRun(call(), { ...run, leaseMs })).held
      } catch (thrown) {
        warn(thrown)
        return true
      }
    }
    if (!(await hold()))
      throw new MeshError('RESOURCE_EXHAUSTED', 'error.key_runs_limit', { limit: apiKey.maxConcurrentRuns })
    const holding = setInterval(() => void hold(), leaseMs / 3).unref()
    return () => {
      clearInterval(holding)
      identity.releaseKeyRun(call(), run).catch(warn)
    }
  }
}
