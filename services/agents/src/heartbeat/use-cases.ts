/** Heartbeats, as people decide them. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, type Actor, type Call } from '@clawmesh/chassis'
import { isSystemOwner } from '../agents/access.ts'
import type { RequireOwned } from '../agents/owned.ts'
import type { Agent } from '../agents/types.ts'
import type { ContextFileUseCases } from '../context-files/use-cases.ts'
import { checkHours } from './hours.ts'
import type { DeliveryTarget, Heartbeat, HeartbeatFields, HeartbeatInput, HeartbeatRun } from './types.ts'

export const checklistFile = 'HEARTBEAT.md'

/** The heartbeats of one tenant. */
export interface HeartbeatRows {
  find: (agentId: string) => Promise<Heartbeat | undefined>
  /** Writes what `make` makes of what is stored, which nobody else changes meanwhile. Undefined where it makes nothing. */
  write: (
    agentId: string,
    actor: Actor,
    make: (stored: Heartbeat | undefined) => (HeartbeatFields & Pick<Heartbeat, 'nextRunAt'>) | undefined,
    what: 'set' | 'toggled',
  ) => Promise<Heartbeat | undefined>
  /** Lets it run at once. False when there is none. */
  ask: (agentId: string, actor: Actor) => Promise<boolean>
  /** The same where it is on, and for nobody in particular. */
  wake: (agentId: string) => Promise<void>
  /** Says that its work begins. */
  announce: (heartbeat: Pick<Heartbeat, 'id' | 'agentId'>, agentKey: string) => Promise<void>
  /** Whether a turn of the agent is on that is no heartbeat. */
  isBusy: (agentId: string) => Promise<boolean>
  runs: (agentId: string, page: { limit: number; offset: number }) => Promise<{ logs: HeartbeatRun[]; total: number }>
  targets: () => Promise<DeliveryTarget[]>
}

const defaults: Omit<HeartbeatFields, 'userId'> = {
  enabled: false,
  intervalSec: 1_800,
  prompt: '',
  providerName: '',
  model: '',
  isolatedSession: true,
  lightContext: false,
  ackMaxChars: 300,
  maxRetries: 2,
  activeHoursStart: '',
  activeHoursEnd: '',
  timezone: 'UTC',
  channel: '',
  chatId: '',
}

interface Parts {
  rowsOf: (tenantId: string) => HeartbeatRows
  files: Pick<ContextFileUseCases, 'shared' | 'write'>
  /** The agent that a caller may use. @throws NOT_FOUND, FORBIDDEN */
  readable: (caller: Caller, ref: string) => Promise<Agent>
  requireOwned: RequireOwned
  /** One is to run now. */
  wake: () => void
}

/** FNV-1a, 32 bits. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}

/** Agents of one interval do not all begin together. */
const firstRun = (agentId: string, intervalSec: number): Date => {
  const spreadSec = hashOf(agentId) % Math.max(1, Math.floor(intervalSec / 10))
  return new Date(Date.now() + (intervalSec + spreadSec) * 1_000)
}

const nextRunOf = (
  agentId: string,
  { enabled, intervalSec }: Pick<HeartbeatFields, 'enabled' | 'intervalSec'>,
  stored: Heartbeat | undefined,
): Date | null => {
  if (!enabled) return null
  const isUnchanged = stored?.enabled === true && stored.intervalSec === intervalSec
  return (isUnchanged ? stored.nextRunAt : null) ?? firstRun(agentId, intervalSec)
}

const notConfigured = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'heartbeat', id })

export const createHeartbeatUseCases = ({ rowsOf, files, readable, requireOwned, wake }: Parts) => ({
  get: async (caller: Caller, ref: string): Promise<Heartbeat | undefined> =>
    rowsOf(caller.tenantId).find((await readable(caller, ref)).id),

  /** @throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST */
  set: async (call: Call, ref: string, input: HeartbeatInput): Promise<Heartbeat> => {
    const { tenantId } = call.caller
    const { id: agentId, ownerId } = await requireOwned(call.caller, ref)
    // A system owner may have no access of their own once the role is gone.
    const userId = isSystemOwner(call.caller) ? ownerId : call.caller.userId
    const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
    const written = await rowsOf(tenantId).write(
      agentId,
      actorOf(call),
      (stored) => {
        const known = stored === undefined ? defaults : pickFields(stored)
        const fields = { ...known, ...given, userId }
        checkHours(fields)
        return { ...fields, nextRunAt: nextRunOf(agentId, fields, stored) }
      },
      'set',
    )
    return written!
  },

  /** @throws NOT_FOUND when there is no agent, or it was never configured */
  toggle: async (call: Call, ref: string, enabled: boolean): Promise<Heartbeat> => {
    const { id: agentId } = await requireOwned(call.caller, ref)
    const written = await rowsOf(call.caller.tenantId).write(
      agentId,
      actorOf(call),
      (stored) => {
        if (stored === undefined) return undefined
        const fields = { ...pickFields(stored), userId: stored.userId, enabled }
        return { ...fields, nextRunAt: nextRunOf(agentId, fields, stored) }
      },
      'toggled',
    )
    if (written === undefined) throw notConfigured(ref)
    return written
  },

  /** @throws NOT_FOUND when there is no agent, or it was never configured */
  test: async (call: Call, ref: string): Promise<void> => {
    const { id } = await requireOwned(call.caller, ref)
    if (!(await rowsOf(call.caller.tenantId).ask(id, actorOf(call)))) throw notConfigured(ref)
    wake()
  },

  /** @throws NOT_FOUND, FORBIDDEN */
  logs: async (caller: Caller, ref: string, page: { limit: number; offset: number }) =>
    rowsOf(caller.tenantId).runs((await readable(caller, ref)).id, page),

  /** @throws NOT_FOUND, FORBIDDEN */
  checklist: async (caller: Caller, ref: string): Promise<string> =>
    (await files.shared(await readable(caller, ref))).get(checklistFile) ?? '',

  /** @throws NOT_FOUND, FORBIDDEN */
  setChecklist: async (call: Call, ref: string, content: string): Promise<void> => {
    const agent = await requireOwned(call.caller, ref)
    await files.write(call, agent, { name: checklistFile, content, propagate: false })
  },

  targets: ({ tenantId }: Caller) => rowsOf(tenantId).targets(),
})

const pickFields = (stored: Heartbeat): Omit<HeartbeatFields, 'userId'> =>
  Object.fromEntries(
    Object.keys(defaults).map((name) => [name, stored[name as keyof HeartbeatFields]]),
  ) as unknown as Omit<HeartbeatFields, 'userId'>

export type HeartbeatUseCases = ReturnType<typeof createHeartbeatUseCases>
