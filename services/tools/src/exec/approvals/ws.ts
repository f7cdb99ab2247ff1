import { MeshError, ws } from '@clawmesh/contracts'
import { actorOf, implementWs, type Bus, type Call } from '@clawmesh/chassis'
import { approvalSubject } from './approvals.ts'
import type { ApprovalRows, Decision, Judgement } from './types.ts'

interface Parts {
  rowsOf: (tenantId: string) => Pick<ApprovalRows, 'pending' | 'decide' | 'allowed' | 'revoke'>
  bus: Pick<Bus, 'signal'>
}

export const createApprovalWs = ({ rowsOf, bus }: Parts) => {
  /** @throws NOT_FOUND when nobody waits for it */
  const decide = async (call: Call, id: string, judgement: Judgement): Promise<Decision> => {
    const decision = await rowsOf(call.caller.tenantId).decide(id, judgement, actorOf(call))
    if (decision === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'approval', id })
    bus.signal(approvalSubject(id), {})
    return decision
  }

  return implementWs(ws.execApprovals)({
    'exec.approval.list': async ({ caller }) => ({
      pending: (await rowsOf(caller.tenantId).pending()).map(({ createdAt, expiresAt, ...asked }) => ({
        ...asked,
        createdAt: createdAt.getTime(),
        expiresAt: expiresAt.getTime(),
      })),
    }),
    'exec.approval.approve': async ({ call, params: { id, always } }) => ({
      resolved: true,
      decision: (await decide(call, id, { decision: always ? 'allow-always' : 'allow-once' })) as
        'allow-always' | 'allow-once',
    }),
    'exec.approval.allowed': async ({ caller, params }) => {
      const { allowed, total } = await rowsOf(caller.tenantId).allowed(params)
      return {
        allowed: allowed.map(({ command, createdAt, ...each }) => ({
          ...each,
          ...(command === null ? {} : { command }),
          createdAt: createdAt.getTime(),
        })),
        total,
      }
    },
    'exec.approval.revoke': async ({ call, params: { id } }) => {
      if (!(await rowsOf(call.caller.tenantId).revoke(id, actorOf(call))))
        throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'approval', id })
      return { revoked: true as const }
    },
    'exec.approval.deny': async ({ call, params: { id, reason } }) => {
      await decide(call, id, { decision: 'deny', reason })
      return { resolved: true, decision: 'deny' as const }
    },
  })
}
