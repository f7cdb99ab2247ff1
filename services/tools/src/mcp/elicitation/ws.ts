import { MeshError, ws } from '@clawmesh/contracts'
import { implementWs, type Bus } from '@clawmesh/chassis'
import { elicitationSubject } from './elicit.ts'
import { faultIn, type Answer } from './question.ts'
import type { ElicitationRows, PendingElicitation } from './types.ts'

interface Parts {
  rowsOf: (tenantId: string) => Pick<ElicitationRows, 'pending' | 'find' | 'answer'>
  bus: Pick<Bus, 'signal'>
}

/** As users are shown it. */
export const shownElicitation = ({ question, createdAt, expiresAt, ...asked }: PendingElicitation) => ({
  ...asked,
  ...question,
  createdAt: createdAt.getTime(),
  expiresAt: expiresAt.getTime(),
})

const notFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'question', id })

export const createElicitationWs = ({ rowsOf, bus }: Parts) =>
  implementWs(ws.mcpElicitations)({
    'mcp.elicitation.list': async ({ caller: { tenantId, userId } }) => ({
      pending: (await rowsOf(tenantId).pending(userId)).map(shownElicitation),
    }),

    'mcp.elicitation.answer': async ({ caller: { tenantId, userId }, params: { id, action, content } }) => {
      const rows = rowsOf(tenantId)
      const asked = await rows.find(id)
      if (asked === undefined || asked.userId !== userId) throw notFound(id)
      const { question } = asked
      const isForm = action === 'accept' && question.mode === 'form'
      const field = isForm ? faultIn(question.schema, content ?? {}) : undefined
      if (field !== undefined)
        throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason: 'not what was asked for' })
      const answer: Answer = isForm ? { action, content: { ...content } } : { action }
      if (!(await rows.answer(id, userId, answer))) throw notFound(id)
      bus.signal(elicitationSubject(id), {})
      return { answered: true as const }
    },
  })
