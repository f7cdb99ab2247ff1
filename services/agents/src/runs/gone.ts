/** Runs that lose what they write into: their session was emptied or deleted, or its agent, or somebody ended them. */
import { MeshError } from '@clawmesh/contracts'
import type { RunRows } from './types.ts'

/** Nothing is left to be stored of the run. */
export class RunGone extends MeshError {
  constructor() {
    super('CANCELLED', 'error.cancelled')
  }
}

/** What ends a run whose rows do not take anything more: it was cancelled, or declared lost by another replica. */
export const createNotOurs =
  ({ outcome }: Pick<RunRows, 'outcome'>) =>
  async (tenantId: string, runId: string): Promise<MeshError> => {
    const status = (await outcome(tenantId, runId))?.status
    return status === undefined || status === 'cancelled'
      ? new RunGone()
      : new MeshError('UNAVAILABLE', 'error.run_lost')
  }
