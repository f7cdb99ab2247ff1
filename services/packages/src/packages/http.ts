import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { InstalledPackages } from './types.ts'

export const createPackageHttp = (installed: () => Promise<InstalledPackages>) =>
  implementHttp(http.packages)({ listPackages: () => installed() })
