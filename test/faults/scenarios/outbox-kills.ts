/** Kills around the moment when an event is published: whatever the moment, nothing is lost and nothing counts twice. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLogger, migrate, connectNatsBus, newId } from '@clawmesh/chassis'
import { eventSubject } from '@clawmesh/contracts'
import pg from 'pg'
import { migrationFolder } from '../../../cli/src/migration-folders.ts'
import { createDatabase } from '../../support/database.ts'
import { consumeEvents } from '../../support/events.ts'
import { eventually } from '../../support/eventually.ts'
import { startLogged } from '../../support/mesh-process.ts'
import { startNats } from '../../support/nats.ts'
import { deathOf, type OutboxOrder } from './outbox-order.ts'

const program = fileURLToPath(new URL('outbox-process.ts', import.meta.url))
const factsPerRound = 5

export interface OutboxOutcome {
  /** Processes that were killed. */
  kills: number
  facts: number
  /** Facts whose event never came. */
  lost: number
  /** Events that took effect more than once. */
  doubled: number
  /** Events of facts that were rolled back. */
  invented: number
  leftInOutbox: number
}

/** Runs so many rounds, each a process that writes facts and is killed somewhere, then one that may live. */
export const outboxKills = async (rounds: number): Promise<OutboxOutcome> => {
  const dir = await mkdtemp(join(tmpdir(), 'clawmesh-outbox-'))
  const [nats, database] = await Promise.all([startNats(), createDatabase('outbox')])
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  // The server may go before its last connection has closed.
  pool.on('error', () => undefined)
  const bus = await connectNatsBus([nats.url], 'test', createLogger({ level: 'silent', name: 'test' }))
  try {
    await migrate({ url: database.url, schema: 'agents', folder: migrationFolder('agents') })
    await pool.query('CREATE TABLE facts (id uuid PRIMARY KEY)')
    await pool.query('CREATE TABLE effects (event_id text PRIMARY KEY, fact uuid NOT NULL)')
    const tenantId = newId()
    await consumeEvents(bus, {
      durable: 'effects',
      subject: eventSubject('agentCreated', tenantId),
      batchSize: 100,
      handle: async (batch) => {
        for (const { id, data } of batch)
          await pool.query('INSERT INTO effects (event_id, fact) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
            id,
            (data as { id: string }).id,
          ])
      },
    })

    const run = async (round: number, death: OutboxOrder['death']) => {
      const order: OutboxOrder = {
        databaseUrl: database.url,
        natsUrl: nats.url,
        tenantId,
        facts: factsPerRound,
        death,
      }
      const child = startLogged(process.execPath, [program, JSON.stringify(order)], {}, join(dir, `${round}.log`))
      const { code, signal } = await child.ended
      if (death === undefined ? code !== 0 : signal !== 'SIGKILL')
        throw new Error(`round ${round} (${death}) ended with ${signal ?? code}\n${child.output()}`)
    }
    for (let round = 0; round < rounds; round++) await run(round, deathOf(round))
    await run(rounds, undefined)

    const count = async (sql: string): Promise<number> =>
      Number((await pool.query<{ count: number }>(`SELECT count(*) FROM ${sql}`)).rows[0]!.count)
    const facts = await count('facts')
    await eventually('all events', async () => (await count('effects')) >= facts).catch(() => undefined)
    return {
      kills: rounds,
      facts,
      lost: await count('facts WHERE id NOT IN (SELECT fact FROM effects)'),
      doubled: await count('(SELECT fact FROM effects GROUP BY fact HAVING count(*) > 1) AS d'),
      invented: await count('effects WHERE fact NOT IN (SELECT id FROM facts)'),
      leftInOutbox: await count('agents.outbox'),
    }
  } finally {
    await bus.close()
    await pool.end()
    await Promise.all([nats.stop('SIGKILL'), database.drop()])
    await rm(dir, { recursive: true, force: true })
  }
}
