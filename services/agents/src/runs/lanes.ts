/** How many turns a replica works on at once, by what kind they are. Those that wait do so in turns of their tenants. */
import { createFairTurns, type FairTurns } from '@clawmesh/chassis'
import type { RunRequest } from './types.ts'

export const laneNames = ['main', 'subagent', 'team', 'cron'] as const
type Lane = (typeof laneNames)[number]

/** Which lane a session belongs to, by what its key says after the agent's; all others are main. */
const laneOfSession = /^agent:[^:]*:(?:(?<subagent>subagent:)|(?<team>team:)|(?<cron>cron:|heartbeat(?::|$)))/
const laneOfChannel: Readonly<Record<string, Lane>> = { subagent: 'subagent', cron: 'cron', heartbeat: 'cron' }

type Placed = Pick<RunRequest, 'sessionKey'> & { origin: Pick<RunRequest['origin'], 'channel'> }

/**
 * The lane of a turn. One that answers an open HTTP request has none: its client waits for its first word, and the limits of
 * the edge are about it.
 */
export const laneOf = ({ origin: { channel }, sessionKey = '' }: Placed): Lane | undefined => {
  if (channel === 'http') return undefined
  const groups = laneOfSession.exec(sessionKey)?.groups ?? {}
  return laneOfChannel[channel] ?? laneNames.find((lane) => groups[lane] !== undefined) ?? 'main'
}

/** Does work when its lane has room for it. */
export type InLane = <T>(request: RunRequest, work: () => Promise<T>) => Promise<T>

export const createLanes = (places: Readonly<Record<Lane, number>>): InLane => {
  const lanes = new Map<Lane, FairTurns>(laneNames.map((lane) => [lane, createFairTurns(places[lane])]))
  return (request, work) => {
    const lane = laneOf(request)
    return lane === undefined ? work() : lanes.get(lane)!(request.caller.tenantId, work)
  }
}
