import { z } from 'zod'
import { defineWsTable } from '../method.ts'

const level = z.enum(['debug', 'info', 'warn', 'error'])

export const logs = defineWsTable('gateway', {
  'logs.tail': {
    role: 'admin',
    summary: 'Start or stop log events on this connection',
    rules: {
      replaysTheLast:
        'First come the last 100 records of the level or above, of all processes in the order of their time, then a marker of source `gateway`, then what is logged from then on',
      changesTheLevel:
        'Started again it goes on at the new level; stopped, and once it has connected anew, nothing comes any more',
      showsAdminsTheirTenants:
        'Owners see every record, admins those that name their tenant; who is an admin no longer sees none',
      narrowsToAnAgent: '`agentId` keeps the records that name this agent',
      hidesSecrets:
        'The value of a field whose name has key, token, secret, password, dsn, credential, authorization or cookie in it is `***`, and what looks like a secret in a text is redacted',
    },
    params: z.object({
      action: z.enum(['start', 'stop']).default('start'),
      level: level.default('info'),
      agentId: z.string().max(100).optional().describe('Only records that name this agent'),
    }),
    result: z.object({ status: z.enum(['tailing', 'stopped']), level: level.optional() }),
    errors: [],
  },
})
