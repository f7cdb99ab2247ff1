/** Events that name a thing whose texts no event carries: they are asked for when there is somebody to be told. */
import type { EventName, WsEventMessage, WsEventName } from '@clawmesh/contracts'
import type { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { newId, serviceCaller, type RpcFunctions } from '@clawmesh/chassis'

export interface Announcement {
  event: WsEventName
  /** What is told of the thing; undefined when it is over already. */
  read: (tenantId: string, id: string) => Promise<WsEventMessage | undefined>
}

/** By the durable event at which they are made. */
export type Announcements = { readonly [N in EventName]?: Announcement }

interface Parts {
  pairingRequest: Announcement['read']
  tools: Pick<RpcFunctions<typeof ToolsServiceService>, 'getExecApproval' | 'getMcpSignIn' | 'getMcpElicitation'>
}

const callOf = (tenantId: string) => ({
  caller: serviceCaller(tenantId),
  requestId: newId(),
  signal: new AbortController().signal,
})

export const createAnnouncements = ({ pairingRequest, tools }: Parts): Announcements => ({
  pairingRequested: { event: 'device.pair.requested', read: pairingRequest },
  execApprovalRequested: {
    event: 'exec.approval.requested',
    read: async (tenantId, id) => {
      const { found, createdAtMs: createdAt, ...asked } = await tools.getExecApproval(callOf(tenantId), { id })
      return found ? { event: 'exec.approval.requested', payload: { id, ...asked, createdAt } } : undefined
    },
  },
  mcpElicitationRequested: {
    event: 'mcp.elicitation.requested',
    read: async (tenantId, id) => {
      const { found, shownJson } = await tools.getMcpElicitation(callOf(tenantId), { id })
      return found ? { event: 'mcp.elicitation.requested', payload: JSON.parse(shownJson) as unknown } : undefined
    },
  },
  mcpSignInWanted: {
    event: 'mcp.sign_in.requested',
    read: async (tenantId, id) => {
      const { found, expiresAtMs: expiresAt, ...asked } = await tools.getMcpSignIn(callOf(tenantId), { id })
      return found ? { event: 'mcp.sign_in.requested', payload: { id, ...asked, expiresAt } } : undefined
    },
  },
})
