import { roleIncludes, wsEvents, type WsEventMessage } from '@clawmesh/contracts'
import type { Session } from './session.ts'

/** Whether a connection of the event's tenant may see an event. Whom an event is not for never learns of it. */
export const maySee = ({ authState }: Session, { event, payload, about }: WsEventMessage): boolean => {
  if (authState.kind === 'unknown') return false
  if (authState.kind === 'pending') return event === 'device.pair.resolved' && about === authState.requestId
  const { role, userId } = authState.caller
  const { audience } = wsEvents[event]
  if (audience === 'everyone' || audience === 'tenant') return true
  if (audience === 'connection') return false
  if (roleIncludes(role, 'admin')) return true
  return audience === 'user' && userId !== '' && (payload as { userId?: unknown } | undefined)?.userId === userId
}
