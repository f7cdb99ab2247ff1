import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { GrantUseCases } from './use-cases.ts'

export const createGrantHttp = (grants: GrantUseCases) =>
  implementHttp(http.mcpGrants)({
    listMcpServerGrants: async ({ caller, params }) => ({ grants: await grants.listOfServer(caller, params.id) }),
    listMcpGrantsOfAgent: async ({ call, params }) => ({ grants: await grants.listOfAgent(call, params.agentID) }),
    grantMcpServerToAgent: async ({ call, params, body }) => {
      await grants.grantAgent(call, params.id, body)
      return { status: 'granted' }
    },
    revokeMcpServerFromAgent: async ({ call, params }) => {
      await grants.revokeAgent(call, params.id, params.agentID)
      return { status: 'revoked' }
    },
    grantMcpServerToUser: async ({ call, params, body }) => {
      await grants.grantUser(call, params.id, body)
      return { status: 'granted' }
    },
    revokeMcpServerFromUser: async ({ call, params }) => {
      await grants.revokeUser(call, params.id, params.userID)
      return { status: 'revoked' }
    },
  })
