import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { CredentialUseCases } from './use-cases.ts'

export const createCredentialHttp = (credentials: CredentialUseCases) =>
  implementHttp(http.mcpCredentials)({
    setMcpUserCredentials: async ({ caller, params, query, body }) => {
      await credentials.set(caller, params.id, query.userId, body)
      return { status: 'updated' }
    },
    getMcpUserCredentialStatus: ({ caller, params, query }) => credentials.status(caller, params.id, query.userId),
    deleteMcpUserCredentials: async ({ caller, params, query }) => {
      await credentials.remove(caller, params.id, query.userId)
      return { status: 'deleted' }
    },
  })
