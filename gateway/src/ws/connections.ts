/** Who is connected, to this edge and to those beside it. */
import { createGathering, type Bus } from '@clawmesh/chassis'
import { roles } from '@clawmesh/contracts'
import { z } from 'zod'
import { callerOfSession, type Session } from './session.ts'

const client = z.object({
  id: z.string(),
  remoteAddr: z.string(),
  userId: z.string(),
  role: z.enum(roles),
  connectedAt: z.string(),
})
export type Client = z.infer<typeof client>

const question = z.object({
  /** Absent for all tenants. */
  tenantId: z.string().optional(),
  /** Absent for all users. */
  userId: z.string().optional(),
})
export type WhichClients = z.infer<typeof question>

const answer = z.object({ clients: z.array(client), total: z.int() })
type Answer = z.infer<typeof answer>

/** Connections that an edge names; it counts them all. */
const namedClients = 500
/** Edges that take longer are busy or gone. */
const waitMs = 250

const toClient = (session: Session): Client | undefined => {
  const caller = callerOfSession(session)
  if (caller === undefined) return undefined
  const { id, clientIp, connectedAt } = session
  return { id, remoteAddr: clientIp, userId: caller.userId, role: caller.role, connectedAt: connectedAt.toISOString() }
}

const asks =
  ({ tenantId, userId }: WhichClients) =>
  (session: Session): boolean => {
    const caller = callerOfSession(session)
    if (caller === undefined) return false
    return [undefined, caller.tenantId].includes(tenantId) && [undefined, caller.userId].includes(userId)
  }

interface Parts {
  bus: Pick<Bus, 'signal' | 'subscribe'>
  sessions: () => ReadonlySet<Session>
  /** Edges that there are, as far as is known. */
  replicas: () => number
}

/** The connections that have said who they are. */
export const createConnections = ({ bus, sessions, replicas }: Parts) => {
  const gathering = createGathering({
    bus,
    name: 'connections',
    questionSchema: question,
    answerSchema: answer,
    waitMs,
  })
  const here = (which: WhichClients): Answer => {
    const found = [...sessions()].filter(asks(which))
    return { clients: found.slice(0, namedClients).map((session) => toClient(session)!), total: found.length }
  }

  return {
    /** Lets other edges ask this one. Gives the function that ends it. */
    listen: () => gathering.answerWith(here),
    /** Those of all edges, at most 500 of each by name. A single edge asks nobody. */
    everywhere: async (which: WhichClients): Promise<Answer> => {
      if (replicas() <= 1) return here(which)
      const answers = await gathering.ask(which, replicas())
      return {
        clients: answers.flatMap(({ clients }) => clients),
        total: answers.reduce((sum, { total }) => sum + total, 0),
      }
    },
  }
}

export type Connections = ReturnType<typeof createConnections>
