/**
 * `node outbox-process.ts <order>`: writes facts with the events that tell of them, starts an outbox relay, and dies by
 * its own SIGKILL where the order says. Without a death it relays until nothing is left.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createLogger,
  connectNatsBus,
  newId,
  openDatabase,
  outboxRow,
  startOutboxRelay,
  type Bus,
} from '@clawmesh/chassis'
import type { Death, OutboxOrder } from './outbox-order.ts'

const order = JSON.parse(process.argv[2]!) as OutboxOrder
const log = createLogger({ level: 'warn', name: 'outbox process' })

const dieAt = async (place: Death): Promise<void> => {
  if (order.death !== place) return
  process.kill(process.pid, 'SIGKILL')
  // Nothing runs on while the signal is on its way.
  await new Promise(() => undefined)
}

const mortal = (bus: Bus): Bus => ({
  ...bus,
  publishDurable: async (events) => {
    await dieAt('before emit')
    await bus.publishDurable(events.slice(0, Math.ceil(events.length / 2)))
    await dieAt('within emit')
    await bus.publishDurable(events)
    await dieAt('after emit')
  },
})

const database = openDatabase({ url: order.databaseUrl, schema: 'agents', poolSize: 3, log })

const writeFacts = async (): Promise<void> => {
  const client = await database.pool.connect()
  await client.query('BEGIN')
  for (let i = 0; i < order.facts; i++) {
    const fact = newId()
    const { id, subject, payload } = outboxRow('agentCreated', order.tenantId, { id: fact, actorId: 'test' })
    await client.query('INSERT INTO facts (id) VALUES ($1)', [fact])
    await client.query('INSERT INTO agents.outbox (id, subject, payload) VALUES ($1, $2, $3)', [id, subject, payload])
  }
  await dieAt('before commit')
  await client.query('COMMIT')
  client.release()
  await dieAt('after commit')
}

await writeFacts()
const bus = await connectNatsBus([order.natsUrl], 'outbox process', log)
const relay = startOutboxRelay(database, mortal(bus), log)
const left = async () =>
  (await database.pool.query<{ count: number }>('SELECT count(*) FROM agents.outbox')).rows[0]!.count
while ((await left()) > 0) await sleep(50)
await relay.stop()
await bus.close()
await database.close()
