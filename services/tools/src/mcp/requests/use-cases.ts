/** Requests for access to MCP servers, and what is decided on them. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import type { AccessRequest, NewAccessRequest, RequestStatus, Review } from './types.ts'

/** The requests of one tenant. */
export interface RequestRows {
  /** Oldest first. */
  list: (status: RequestStatus) => Promise<AccessRequest[]>
  /** @throws NOT_FOUND for an unknown server */
  insert: (
    request: Omit<AccessRequest, 'reviewedBy' | 'reviewedAt' | 'reviewNote' | 'createdAt' | 'status'>,
    actor: Actor,
  ) => Promise<AccessRequest>
  /**
   * Decides a request that waits, which nobody else decides meanwhile, and grants what was asked for where it is approved.
   * @throws what `check` throws for the request as it is stored; NOT_FOUND
   */
  decide: (
    id: string,
    decision: { status: 'approved' | 'rejected'; note: string; reviewedBy: string },
    check: (request: AccessRequest) => void,
    actor: Actor,
  ) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => RequestRows
  /** The id of the agent of the caller's tenant that an id or a key names. */
  findAgentId: (call: Call, agent: string) => Promise<string | undefined>
}

export const requestNotFound = (id: string): MeshError =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'access request', id })

/** @throws ALREADY_EXISTS when it is decided, INVALID_REQUEST when nobody is there to be granted anything */
const checkApproval = (approved: boolean) => (request: AccessRequest) => {
  const { id, status, scope, agentId, userId } = request
  if (status !== 'pending')
    throw new MeshError('ALREADY_EXISTS', 'error.already_decided', { kind: 'access request', id })
  if (!approved) return
  const whom = scope === 'agent' ? agentId : userId
  if (!whom)
    throw new MeshError('INVALID_REQUEST', 'error.required', { field: scope === 'agent' ? 'agent_id' : 'user_id' })
}

export const createRequestUseCases = ({ rowsOf, findAgentId }: Parts) => ({
  list: ({ tenantId }: Caller, status: RequestStatus) => rowsOf(tenantId).list(status),

  /** @throws NOT_FOUND for an unknown server or agent */
  create: async (call: Call, asked: NewAccessRequest): Promise<AccessRequest> => {
    const { tenantId, userId: requestedBy } = call.caller
    const { serverId, agentId = null, reason = '', toolAllow = null } = asked
    const scope = asked.scope ?? (agentId === null ? 'user' : 'agent')
    const userId = asked.userId || (scope === 'user' ? requestedBy : '') || null
    if (agentId !== null && (await findAgentId(call, agentId)) === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: agentId })
    return rowsOf(tenantId).insert(
      { id: newId(), serverId, agentId, userId, scope, reason, toolAllow, requestedBy },
      actorOf(call),
    )
  },

  /** @throws NOT_FOUND, ALREADY_EXISTS, INVALID_REQUEST */
  review: async (call: Call, id: string, { approved, action, note = '' }: Review): Promise<'approved' | 'rejected'> => {
    const { tenantId, userId: reviewedBy } = call.caller
    const isApproved = approved ?? action === 'approve'
    const status = isApproved ? 'approved' : 'rejected'
    await rowsOf(tenantId).decide(id, { status, note, reviewedBy }, checkApproval(isApproved), actorOf(call))
    return status
  },
})

export type RequestUseCases = ReturnType<typeof createRequestUseCases>
