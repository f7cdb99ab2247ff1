import type { http } from '@clawmesh/contracts'
import type { ResponseShape } from '@clawmesh/chassis'

type Edition = ResponseShape<(typeof http.edition.operations.getEdition.response)[200]>

const switches = (on: boolean) => ({ kgEnabled: on, rbacEnabled: on, teamFullMode: on, vectorSearch: on })

/** What each edition says of itself; 0 and null are no limit. */
export const editions: Readonly<Record<Edition['name'], Edition>> = {
  standard: {
    name: 'standard',
    maxAgents: 0,
    maxTeams: 0,
    maxTeamMembers: 0,
    maxChannels: null,
    maxSubagentConcurrent: 0,
    maxSubagentDepth: 0,
    ...switches(true),
  },
  lite: {
    name: 'lite',
    maxAgents: 5,
    maxTeams: 1,
    maxTeamMembers: 5,
    maxChannels: { telegram: 1, discord: 1 },
    maxSubagentConcurrent: 2,
    maxSubagentDepth: 1,
    ...switches(false),
  },
}
