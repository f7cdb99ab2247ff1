import type { http } from '@clawmesh/contracts'
import type { ResponseShape } from '@clawmesh/chassis'

/** A program that the machine may have. `version` is as the program words it; absent when it did not say. */
export type Runtime = ResponseShape<
  (typeof http.runtimes.operations)['getPackageRuntimes']['response'][200]
>['runtimes'][number]
