import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import { denyGroupNames, denyGroups } from './guard/groups.ts'

export const createExecHttp = () =>
  implementHttp(http.shellDenyGroups)({
    listShellDenyGroups: async () => ({
      groups: denyGroupNames.map((name) => ({ name, description: denyGroups[name].description, default: true })),
    }),
  })
