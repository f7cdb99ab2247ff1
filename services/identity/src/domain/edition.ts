import type { http, ResponseOf } from '@clawmesh/contracts'

/** The one edition there is: nothing is limited, so 0 and null stand everywhere. */
export const edition: ResponseOf<typeof http.identity.operations.getEdition> = {
  name: 'standard',
  max_agents: 0,
  max_teams: 0,
  max_team_members: 0,
  max_channels: null,
  max_subagent_concurrent: 0,
  max_subagent_depth: 0,
  kg_enabled: true,
  rbac_enabled: true,
  team_full_mode: true,
  vector_search: true,
}
