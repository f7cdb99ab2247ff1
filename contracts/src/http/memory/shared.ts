/** Pieces that memory's tables share. */
import { z } from 'zod'
import { userId } from '../common.ts'

export const agentParams = z.object({ agentID: z.string().min(1).max(100).describe('Id or key of the agent') })
export const documentLimitBytes = 10_485_760
export const documentPath = z.string().min(1).max(500).describe('Path of the document')
/** Whose documents are meant; the body's goes before the query's. */
export const owner = { user_id: userId.optional().describe('Whose documents; empty for the shared ones') }
export const ownerQuery = z.object(owner)
/** Clients may name the user in a body too, where the method gives a body no meaning. */
export const ownerInBody = ['user_id'] as const

/** What every operation does that takes a user. */
export const ownerRules = {
  takesTheUserFromBodyOrQuery: 'The user is named in the body or in the query, and the body wins',
  refusesOtherUsers:
    'A viewer, and a caller bound to a user, is answered 403 for naming another; admins and unbound operators may',
}
