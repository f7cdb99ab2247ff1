/**
 * Consumes the events of a tenant and takes down each once, whatever comes twice: node consume.ts ended-runs.jsonl
 *
 * Environment: NATS_URL, with user and password where the server asks for them; TENANT_ID; CONSUMER, the name of the durable
 * position; EVENTS, after the tenant in the subject, `>` for all; SINCE, a time to begin at, for a position that is new.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

interface CloudEvent {
  id: string
  source: string
  type: string
  time: string
  tenantid: string
  data: unknown
}

const { NATS_URL = 'nats://127.0.0.1:4222', TENANT_ID = '', CONSUMER = 'ended-runs', SINCE } = process.env
const { EVENTS = 'agents.run.ended' } = process.env
const [file = 'events.jsonl'] = process.argv.slice(2)

// A table with (source, id) as its unique key does the same, in the transaction of the effect.
const known = new Set(
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as CloudEvent).id)
    : [],
)
const takeDown = (event: CloudEvent): void => {
  if (known.has(event.id)) return
  appendFileSync(file, `${JSON.stringify(event)}\n`)
  known.add(event.id)
}

const { host, username, password } = new URL(NATS_URL)
const connection = await connect({
  servers: host,
  ...(username === '' ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
  // A server lets a user hear answers below its own prefix only.
  inboxPrefix: `_INBOX_${CONSUMER}`,
  maxReconnectAttempts: -1,
})
const stream = 'MESH_EVENTS'
const manager = await jetstreamManager(connection, { checkAPI: false })
await manager.consumers.add(stream, {
  name: CONSUMER,
  durable_name: CONSUMER,
  filter_subject: `mesh.events.${TENANT_ID}.${EVENTS}`,
  ack_policy: AckPolicy.Explicit,
  ...(SINCE === undefined
    ? { deliver_policy: DeliverPolicy.All }
    : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(SINCE).toISOString() }),
})
const consumer = await jetstream(connection, { checkAPI: false }).consumers.get(stream, CONSUMER)
const messages = await consumer.consume({ max_messages: 100 })
process.once('SIGTERM', () => void messages.close())
for await (const message of messages) {
  const body = message.json<CloudEvent | CloudEvent[]>()
  for (const event of Array.isArray(body) ? body : [body]) takeDown(event)
  // Only now: whoever ends before gets the message again.
  message.ack()
}
await connection.drain()
