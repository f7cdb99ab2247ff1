import { z } from 'zod'
import { epochMs, uuid } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const value = z.union([z.string().max(10_000), z.number(), z.boolean(), z.array(z.string().max(10_000)).max(100)])

/** What an MCP server asks, as users are shown it. */
export const elicitation = z
  .object({
    id: uuid,
    serverId: uuid,
    server: z.string().describe('What people call the MCP server that asks'),
    agentId: z.string(),
    userId: z.string().describe('Who is asked'),
    sessionKey: z.string(),
    mode: z.enum(['form', 'url']),
    message: z.string().describe('In the words of the server, a stranger’s'),
    schema: z.looseObject({}).optional().describe('The form: a JSON Schema of an object with simple fields'),
    url: z.string().optional().describe('What the user is to open'),
    createdAt: epochMs,
    expiresAt: epochMs.describe('When it counts as declined'),
  })
  .meta({ id: 'McpElicitation', description: 'What an MCP server asks a user in the middle of a call' })

export const mcpElicitations = defineWsTable('tools', {
  'mcp.elicitation.list': {
    role: 'operator',
    summary: 'What MCP servers ask the calling user, oldest first',
    rules: {
      listsWhatWaits:
        'Those of the calling user come, on whichever replica the calls wait; what is answered, over or asked of others does not',
    },
    params: z.object({}),
    result: z.object({ pending: z.array(elicitation) }),
    errors: [],
  },
  'mcp.elicitation.answer': {
    role: 'operator',
    summary: 'Answer what an MCP server asks',
    rules: {
      goesBackToTheServer:
        'The server gets the answer and its call goes on, wherever it waits; `content` goes with the `accept` of a form alone',
      checksTheForm:
        'Content with a field that was not asked for, or one that is missing or unfit, is refused and named',
      isTheUsersAlone: 'Whoever else answers is told NOT_FOUND, other users of the tenant too',
      timesOutAsDecline:
        'What nobody answers within two minutes is declined, as is what asks for too much or for what is not known',
      isNotAskedForEver:
        'One call of a tool asks ten times at most, and nothing more once something was not answered: what comes then is declined',
      isNotKeptOpen: 'What is answered or over is answered NOT_FOUND',
    },
    params: z.object({
      id: uuid,
      action: z.enum(['accept', 'decline', 'cancel']),
      content: z.record(z.string().max(200), value).optional(),
    }),
    result: z.object({ answered: z.literal(true) }),
    errors: ['NOT_FOUND'],
  },
})
