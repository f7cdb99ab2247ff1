import { z } from 'zod'
import { epochMs, page, uuid } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const pendingApproval = z
  .object({
    id: uuid,
    command: z.string(),
    agentId: uuid,
    userId: z.string().describe('Whose turn waits'),
    sessionKey: z.string(),
    createdAt: epochMs,
    expiresAt: epochMs.describe('When it is denied by itself'),
  })
  .meta({ id: 'PendingApproval', description: 'A command that waits for the word of an operator' })

const allowedCommand = z
  .object({
    id: uuid,
    agentId: uuid,
    command: z.string().optional().describe('As the agent had asked for it'),
    program: z.string().describe('Absolute path of the program'),
    allowedBy: z.string(),
    createdAt: epochMs,
  })
  .meta({ id: 'AllowedCommand', description: 'A command that an agent may run without asking again' })

const id = uuid.describe('Id of the request')
const scopes = ['operator.approvals'] as const
const refusesWhatIsOver =
  'What is decided, has run out of time, waits no more because its caller or its process is gone, or is of another tenant is answered NOT_FOUND'

export const execApprovals = defineWsTable('tools', {
  'exec.approval.list': {
    role: 'operator',
    scopes,
    summary: 'Commands that wait for a decision, oldest first',
    rules: {
      listsWhatWaits:
        'Those of the tenant come, the oldest first, on whichever replica they wait; what is decided, has run out of time or whose process is gone does not, and where nothing is asked the list is empty',
    },
    params: z.object({}),
    result: z.object({ pending: z.array(pendingApproval) }),
    errors: [],
  },
  'exec.approval.approve': {
    role: 'operator',
    scopes,
    summary: 'Let a command run that waits',
    rules: {
      letsItRun: 'The command runs, wherever it waits, and the event `exec.approval.resolved` says who decided',
      holdsOnce: 'Without `always` the same command asks again',
      remembersAlways:
        'With `always` the same program, at the path that it was found at, with the same arguments in the same folder asks no more for the same agent; with others, or elsewhere, it does',
      remembersOnlyPrograms:
        'What is more than one program with plain arguments is remembered as its whole text; a program that is not found where programs are installed, as it may be another the next time, is allowed once only',
      timesOutAsDeny: 'What nobody has decided within two minutes is denied',
      refusesWhatIsOver,
      isAudited: 'It is an entry of the audit log, without the command',
    },
    params: z.object({ id, always: z.boolean().default(false) }),
    result: z.object({ resolved: z.literal(true), decision: z.enum(['allow-once', 'allow-always']) }),
    errors: ['NOT_FOUND'],
  },
  'exec.approval.deny': {
    role: 'operator',
    scopes,
    summary: 'Refuse a command that waits',
    rules: {
      refusesIt: 'The command does not run, and the agent is told that an operator denied it',
      refusesWhatIsOver,
      isAudited: 'It is an entry of the audit log, with the reason and without the command',
    },
    params: z.object({ id, reason: z.string().max(500).optional() }),
    result: z.object({ resolved: z.literal(true), decision: z.literal('deny') }),
    errors: ['NOT_FOUND'],
  },
  'exec.approval.allowed': {
    role: 'operator',
    scopes,
    summary: 'Commands that agents may run without asking again, newest first',
    rules: {
      listsWhatIsRemembered:
        'What was allowed with `always` comes, the newest first, with the command as it was asked for, and none of an agent that was deleted',
    },
    params: z.object({ ...page(50, 200) }),
    result: z.object({ allowed: z.array(allowedCommand), total: z.number().int() }),
    errors: [],
  },
  'exec.approval.revoke': {
    role: 'operator',
    scopes,
    summary: 'Take back that a command runs without asking',
    rules: {
      asksAgain: 'The agent asks again for that command; one that runs already goes on',
      refusesUnknownOnes: 'One that is not there, or is of another tenant, is answered NOT_FOUND',
      isAudited: 'It is an entry of the audit log, without the command',
    },
    params: z.object({ id: uuid.describe('Id of what is allowed') }),
    result: z.object({ revoked: z.literal(true) }),
    errors: ['NOT_FOUND'],
  },
})
