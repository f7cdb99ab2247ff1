import type { http, ResponseOf } from '@clawmesh/contracts'

type Edition = ResponseOf<typeof http.identity.operations.getEdition>

const switches = (on: boolean) => ({ kg_enabled: on, rbac_enabled: on, team_full_mode: on, vector_search: on })

/** What each edition says of itself; 0 and null are no limit. */
export const editions: Readonly<Record<Edition['name'], Edition>> = {
  standard: {
    name: 'standard',
    max_agents: 0,
    max_teams: 0,
    max_team_members: 0,
    max_channels: null,
    max_subagent_concurrent: 0,
    max_subagent_depth: 0,
    ...switches(true),
  },
  lite: {
    name: 'lite',
    max_agents: 5,
    max_teams: 1,
    max_team_members: 5,
    max_channels: { telegram: 1, discord: 1 },
    max_subagent_concurrent: 2,
    max_subagent_depth: 1,
    ...switches(false),
  },
}
