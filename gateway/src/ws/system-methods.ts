/** How the server is, and what a tenant has. */
import type { Mesh } from '@clawmesh/chassis'
import { roleIncludes, type Caller, type ws } from '@clawmesh/contracts'
import { StatusServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/status.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import type { Lookups } from '../admission/lookups.ts'
import type { Connections, WhichClients } from './connections.ts'
import type { OwnMethods } from './own-method.ts'
import { callForSession, type Session } from './session.ts'

interface Parts {
  mesh: Pick<Mesh, 'client'>
  lookups: Pick<Lookups, 'answers'>
  connections: Connections
  version: string
}

const databaseLimitMs = 2_000
const toolsLimitMs = 1_000

/** Whose connections a caller sees; undefined where only the own one can be told to be theirs. */
const visibleTo = ({ role, tenantId, userId }: Caller): WhichClients | undefined => {
  if (roleIncludes(role, 'owner')) return {}
  if (roleIncludes(role, 'admin')) return { tenantId }
  return userId === '' ? undefined : { tenantId, userId }
}

export const createSystemMethods = ({ mesh, lookups, connections, version }: Parts): OwnMethods<typeof ws.system> => {
  const status = mesh.client(StatusServiceService)
  const tools = mesh.client(ToolsServiceService)
  const startedAtMs = performance.now()

  const countTools = (session: Session): Promise<number> =>
    tools.listTools(callForSession(session, toolsLimitMs), { agentId: '', toolsConfigJson: '', userId: '' }).then(
      ({ tools: offered }) => offered.length,
      () => 0,
    )
  const clientsFor = async (session: Session) => {
    const { caller } = callForSession(session)
    const which = visibleTo(caller)
    if (which !== undefined) return (await connections.everywhere(which)).clients
    const { id, clientIp, connectedAt } = session
    return [{ id, remoteAddr: clientIp, userId: '', role: caller.role, connectedAt: connectedAt.toISOString() }]
  }

  return {
    health: async (session) => {
      const [answers, offered, clients] = await Promise.all([
        lookups.answers(databaseLimitMs),
        countTools(session),
        clientsFor(session),
      ])
      return {
        status: 'ok',
        version,
        uptime: Math.round(performance.now() - startedAtMs),
        mode: 'managed',
        database: answers ? 'ok' : 'error',
        tools: offered,
        clients,
        currentId: session.id,
      }
    },

    status: async (session) => {
      const call = callForSession(session)
      const [{ running, agents: agentTotal, sessions }, { total }] = await Promise.all([
        status.getStatus(call, {}),
        connections.everywhere({ tenantId: call.caller.tenantId }),
      ])
      return {
        agents: running.map(({ agentKey, model }) => ({ id: agentKey, model, isRunning: true })),
        agentTotal,
        clients: total,
        sessions,
      }
    },
  }
}
