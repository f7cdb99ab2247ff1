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

/** What the activity log calls each event that is an audit record, by the event's type: `agent.created`. */
export const auditActions: ReadonlyMap<string, string> = new Map(
  auditEvents.map((name) => [eventType(name), `${events[name].entity}.${events[name].verb}`]),
)

/** The NATS subject of an event of a tenant; `*` as tenant subscribes to all. */
export const eventSubject = (name: EventName, tenantId: string): string => {
  const { service, entity, verb } = events[name]
  return `mesh.events.${tenantId}.${service}.${entity}.${verb}`
}

export const eventStream = { name: 'MESH_EVENTS', subjects: ['mesh.events.>'] }
