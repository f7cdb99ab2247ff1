/** Takes what an MCP server asks in the middle of a call to the user whose call it is, and the answer back. */
import { newId, type Logger } from '@clawmesh/chassis'
import type { Ask } from '../../questions/ask.ts'
import { readQuestion, type Answer } from './question.ts'
import type { ElicitationRows, Elicited } from './types.ts'

interface Parts {
  rowsOf: (tenantId: string) => Pick<ElicitationRows, 'insert' | 'renew' | 'lapse'>
  ask: Ask
  log: Logger
}

export const elicitationSubject = (id: string): string => `mesh.mcp-elicitations.${id}`

/** Who is asked; without a user nobody is, and the server is told that it was declined. */
export interface ElicitFor extends Elicited {
  tenantId: string
}

export const createElicit =
  ({ rowsOf, ask, log }: Parts) =>
  /** What may not be asked counts as declined; undefined where nobody answers in time. @throws what the signal says once it fires */
  async ({ tenantId, ...asked }: ElicitFor, params: unknown, signal: AbortSignal): Promise<Answer | undefined> => {
    const question = readQuestion(params)
    if (question === undefined || asked.userId === '') return { action: 'decline' }
    const id = newId()
    const rows = rowsOf(tenantId)
    const said = await ask<Answer>(
      elicitationSubject(id),
      {
        insert: (times) => rows.insert(id, asked, question, times),
        renew: (leaseMs) => rows.renew(id, leaseMs),
        lapse: () => rows.lapse(id),
      },
      signal,
    )
    if (said.answer !== undefined) return said.answer
    log.info({ tenantId, serverId: asked.serverId, why: said.why }, 'nobody answered what an MCP server asked')
    return undefined
  }

export type Elicit = ReturnType<typeof createElicit>
