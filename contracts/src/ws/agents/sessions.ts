import { z } from 'zod'
import { sessionListItem } from '../../http/agents/sessions.ts'
import { page } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

export const sessions = defineWsTable('agents', {
  'sessions.list': {
    role: 'viewer',
    summary: 'Chat sessions, most recently updated first',
    rules: {
      showsOwnOnly: 'Admins see all sessions of the tenant; others see their own, and need a user id',
      filters:
        '`agentId` (id or key, also `agent_key`) and `channel` narrow the list; an unknown agent has no sessions',
      capsThePage: 'A limit above 200 is 200, and 20 where none is given',
      countsAllMatches: '`total` ignores the page; the most recently updated session comes first',
    },
    params: z.object({
      agentId: z.string().max(100).optional(),
      channel: z.string().max(50).optional(),
      ...page(20, 200),
    }),
    aliases: { agentId: ['agent_key'] },
    result: z.object({
      sessions: z.array(sessionListItem),
      total: z.number().int(),
      limit: z.number().int(),
      offset: z.number().int(),
    }),
    errors: [],
  },
})
