import { z } from 'zod'
import { roles } from '../../caller.ts'
import { timestamp } from '../../http/common.ts'
import { defineWsTable } from '../method.ts'

const client = z.object({
  id: z.string(),
  remoteAddr: z.string(),
  userId: z.string(),
  role: z.enum(roles),
  connectedAt: timestamp,
})

export const system = defineWsTable('gateway', {
  health: {
    role: 'authenticated',
    summary: 'How the server is, and who is connected',
    rules: {
      tellsHowItIs:
        'Version, milliseconds since the edge started, whether the database answers within 2 s, and how many tools are offered; 0 while tools cannot be asked',
      showsClientsByRole:
        'Owners see the connections of all tenants, admins those of their tenant, others those of their own user; everybody their own, which `currentId` names',
      asksAllEdges: 'Connections to every edge are listed, those of an edge that does not answer at once left out',
    },
    params: z.object({}),
    result: z.object({
      status: z.literal('ok'),
      version: z.string(),
      uptime: z.number().int().describe('Milliseconds'),
      mode: z.literal('managed'),
      database: z.enum(['ok', 'error']),
      tools: z.number().int(),
      clients: z.array(client),
      currentId: z.string(),
    }),
    errors: [],
  },
  status: {
    role: 'viewer',
    summary: 'Agents that work, and how many agents, sessions and connections there are',
    rules: {
      countsTheTenants: "Agents, sessions and connections are the tenant's, and no other's",
      showsRunningAgents: '`agents` are those that work on a run now, on whichever replica',
    },
    params: z.object({}),
    result: z.object({
      agents: z.array(z.object({ id: z.string().describe('Agent key'), model: z.string(), isRunning: z.boolean() })),
      agentTotal: z.number().int(),
      clients: z.number().int(),
      sessions: z.number().int(),
    }),
    errors: [],
  },
})
