/** How durable events travel: as CloudEvents, each on the subject of its tenant and kind. */
import { z } from 'zod'
import { events, type EventName } from './events.ts'

/** CloudEvents 1.0 in JSON, with the tenant as an extension attribute. */
export const cloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string(),
  type: z.string(),
  time: z.string(),
  datacontenttype: z.literal('application/json'),
  tenantid: z.string(),
  traceparent: z.string().optional(),
  data: z.unknown(),
})
export type CloudEvent = z.infer<typeof cloudEvent>

/** Events that tell who changed what: those the activity log records. */
export const auditEvents: readonly EventName[] = (Object.keys(events) as EventName[]).filter(
  (name) => 'actorId' in events[name].data.shape,
)

/** The event's `type` attribute. */
export const eventType = (name: EventName): string => {
  const { service, entity, verb } = events[name]
  return `clawmesh.${service}.${entity}.${verb}`
}

/** Records that are not called after their event. */
const otherActions: Partial<Record<EventName, string>> = {
  heartbeatTested: 'heartbeat.test',
  execApprovalDecided: 'exec.approved',
}
/** What the decision to deny a command is called. */
const deniedAction = 'exec.denied'

/** What the activity log calls each event that is an audit record, by the event's type: `agent.created`. */
export const auditActions: ReadonlyMap<string, string> = new Map(
  auditEvents.map((name) => [eventType(name), otherActions[name] ?? `${events[name].entity}.${events[name].verb}`]),
)

/** All that the activity log calls records. */
export const auditActionNames: readonly string[] = [...auditActions.values(), deniedAction]

/** What the activity log calls an event; undefined for one that is no audit record. */
export const auditActionOf = ({ type, data }: Pick<CloudEvent, 'type' | 'data'>): string | undefined => {
  const isDenied = type === eventType('execApprovalDecided') && (data as { decision?: unknown })?.decision === 'deny'
  return isDenied ? deniedAction : auditActions.get(type)
}

/** The NATS subject of an event of a tenant; `*` as tenant subscribes to all. */
export const eventSubject = (name: EventName, tenantId: string): string => {
  const { service, entity, verb } = events[name]
  return `mesh.events.${tenantId}.${service}.${entity}.${verb}`
}

export const eventStream = { name: 'MESH_EVENTS', subjects: ['mesh.events.>'] }
