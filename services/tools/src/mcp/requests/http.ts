import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { AccessRequest } from './types.ts'
import type { RequestUseCases } from './use-cases.ts'

/** Texts that are empty are left out, as nulls are. */
const toResponse = ({ reason, reviewNote, ...request }: AccessRequest) => ({
  ...request,
  reason: reason || null,
  reviewNote: reviewNote || null,
})

export const createRequestHttp = (requests: RequestUseCases) =>
  implementHttp(http.mcpRequests)({
    listMcpAccessRequests: async ({ caller, query }) => ({
      requests: (await requests.list(caller, query.status)).map(toResponse),
    }),
    createMcpAccessRequest: async ({ call, body }) => toResponse(await requests.create(call, body)),
    reviewMcpAccessRequest: async ({ call, params, body }) => ({
      status: await requests.review(call, params.id, body),
    }),
  })
