/** The durable events for those who consume them: an AsyncAPI 3 document of the table, and what a newer one takes away. */
import { createSchemaComponents } from '../http/openapi-schemas.ts'
import { createSchemaComparison, listIn, objectIn } from '../schema-changes.ts'
import { auditEvents, cloudEvent, eventStream, eventSubject, eventType } from './cloud-event.ts'
import { events, type EventName } from './events.ts'

const batch = 'application/cloudevents-batch+json'
const single = 'application/cloudevents+json'

/**
 * Every durable event with its subject, type and data. Messages are CloudEvents 1.0 in their JSON format, or several of one
 * subject as a JSON array of them.
 */
export const eventsAsyncApiDocument = (version: string): object => {
  const { schemaOf, schemas } = createSchemaComponents()
  const envelope = schemaOf(cloudEvent.meta({ id: 'CloudEvent' }), 'output')
  const names = Object.keys(events) as EventName[]

  const messageOf = (name: EventName) => ({
    name: eventType(name),
    summary: events[name].about,
    contentType: single,
    'x-audit-record': auditEvents.includes(name),
    payload: {
      allOf: [
        envelope,
        {
          type: 'object',
          properties: { type: { const: eventType(name) }, data: schemaOf(events[name].data, 'output') },
          required: ['type', 'data'],
        },
      ],
    },
  })
  const channelOf = (name: EventName) => ({
    address: eventSubject(name, '{tenantId}'),
    parameters: { tenantId: { description: 'The id of the tenant, in lower case; `*` for all of them' } },
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
  })
  const each = <T>(of: (name: EventName) => T): Record<string, T> =>
    Object.fromEntries(names.map((name) => [name, of(name)]))

  const messages = each(messageOf)
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Clawmesh events',
      version,
      description: [
        `Durable events in the JetStream stream ${eventStream.name}.`,
        `A message is one CloudEvent (${single}) or a JSON array of several with one subject (${batch}).`,
        'Events come at least once: what has an `id` and `source` that were seen before is the same event.',
      ].join(' '),
    },
    defaultContentType: single,
    servers: { nats: { host: 'nats:4222', protocol: 'nats', description: 'The NATS server of the mesh' } },
    channels: each(channelOf),
    operations: each((name) => ({ action: 'send', channel: { $ref: `#/channels/${name}` } })),
    components: { messages, schemas },
  }
}

/**
 * What breaks consumers that were built against the first document, one line each: an event or a member of its data that
 * is gone, another subject, a member that may be missing now or be of another type. New events, members and listed values
 * are no breaks.
 */
export const breakingEventChanges = (before: object, after: object): string[] => {
  const { schemaChanges } = createSchemaComparison(before, after)
  const partsOf = (document: object, name: string) => {
    const message = objectIn(objectIn(objectIn(document, 'components'), 'messages'), name)
    const [envelope, own] = listIn(objectIn(message, 'payload'), 'allOf')
    const { address } = objectIn(objectIn(document, 'channels'), name)
    return { address: typeof address === 'string' ? address : undefined, envelope, own }
  }
  const found = Object.keys(objectIn(before, 'channels')).flatMap((name) => {
    const [old, now] = [partsOf(before, name), partsOf(after, name)]
    if (now.address === undefined) return [`${name} is gone`]
    return [
      ...(old.address === now.address ? [] : [`${name} has another subject, ${now.address}`]),
      ...schemaChanges({ before: old.envelope, after: now.envelope, direction: 'answer' }, name),
      ...schemaChanges({ before: old.own, after: now.own, direction: 'answer' }, name),
    ]
  })
  return [...new Set(found)]
}
