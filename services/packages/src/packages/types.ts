import type { http } from '@clawmesh/contracts'
import type { ResponseShape } from '@clawmesh/chassis'

/** What is installed, by manager. A version is empty when unknown. */
export type InstalledPackages = ResponseShape<(typeof http.packages.operations)['listPackages']['response'][200]>
export type PackageInfo = InstalledPackages['system'][number]
