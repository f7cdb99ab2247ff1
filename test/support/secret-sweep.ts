/**
 * Secrets that tests plant may leave the mesh only for whom they are meant. What it answers, logs, publishes and stores is
 * looked through for them; who finds one fails the suite that planted it.
 */
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { startTelemetry, type Bus, type OutgoingEvent } from '@clawmesh/chassis'
import { connect } from '@nats-io/transport-node'
import pg from 'pg'
import { keptConnections } from './limits.ts'

/** Stands in every planted secret, and nowhere else. */
export const secretMark = 'hush-canary'
/** Keys that the tests of providers store, beside those with the mark. */
const planted = [secretMark, 'sk-stored']

/** Those of this process that have not been checked yet. */
const open = new Set<SecretSweep>()

/** Looks through what came from some mesh of this process. */
export const inspectAnywhere = (where: string, text: string): void => {
  for (const sweep of open) sweep.inspect(where, text)
}

const holdsSecret = (text: string): boolean => planted.some((secret) => text.includes(secret))

export interface SecretSweep {
  /** Looks through what was said; `where` names it when it holds a secret. */
  inspect: (where: string, text: string) => void
  /** Looks through all rows of a database. */
  readDatabase: (url: string) => Promise<void>
  /** Looks through what every process of this machine was started with. */
  readProcesses: () => void
  /** @throws Error that names every place where a secret was found */
  check: () => void
}

const tablesSql = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname NOT IN ('information_schema', 'public')`

const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

export const createSecretSweep = (): SecretSweep => {
  const found = new Set<string>()
  const inspect: SecretSweep['inspect'] = (where, text) => {
    if (holdsSecret(text)) found.add(where)
  }
  const sweep: SecretSweep = {
    inspect,
    readDatabase: async (url) => {
      const client = new pg.Client({ connectionString: url })
      // Some tests take their database away.
      client.on('error', () => undefined)
      const isThere = await client.connect().then(
        () => true,
        () => false,
      )
      if (!isThere) return
      try {
        const { rows: tables } = await client.query<{ name: string }>(tablesSql)
        const parts = tables.map(
          ({ name }) =>
            `SELECT '${name}' AS name WHERE EXISTS (SELECT 1 FROM ${name} t WHERE t::text LIKE ANY ($1::text[]))`,
        )
        // Bytes are shown as hexadecimal digits.
        const patterns = planted.flatMap((secret) => [`%${secret}%`, `%${Buffer.from(secret).toString('hex')}%`])
        const { rows } =
          parts.length === 0
            ? { rows: [] }
            : await client.query<{ name: string }>(parts.join(' UNION ALL '), [patterns])
        for (const { name } of rows) found.add(`table ${name}`)
      } finally {
        await client.end()
      }
    },
    readProcesses: () => {
      if (!existsSync('/proc')) return
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
        inspect('process list', commandOf(pid))
    },
    check: () => {
      open.delete(sweep)
      if (found.size > 0) throw new Error(`secrets were found in ${[...found].join(', ')}`)
    },
  }
  open.add(sweep)
  return sweep
}

/** Looks through every message of a NATS server. @returns ends that */
export const sweepNats = async (url: string, { inspect }: SecretSweep): Promise<() => Promise<void>> => {
  const connection = await connect({ servers: url })
  connection.subscribe('>', {
    callback: (_error, message) => inspect(`message ${message.subject}`, message.string()),
  })
  // What is published from now on is heard.
  await connection.flush()
  return () => connection.drain()
}

/**
 * Has this process send its spans, and looks through them: texts stand in protobuf as they are.
 * @returns ends that once all have come, and gives how many messages of spans there were
 */
export const sweepSpans = async (): Promise<() => Promise<number>> => {
  let batches = 0
  const server = createServer(keptConnections, (request, response) => {
    void buffer(request).then((body) => {
      batches++
      const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      inspectAnywhere('span', plain.toString('latin1'))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const telemetry = await startTelemetry({ endpoint, serviceName: 'clawmesh' })
  return async () => {
    await telemetry.stop()
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    return batches
  }
}

/** A bus whose events and signals are looked through. */
export const sweptBus = (bus: Bus, { inspect }: SecretSweep): Bus => ({
  ...bus,
  publishDurable: (events: readonly OutgoingEvent[]) => {
    for (const { subject, payload } of events) inspect(`event ${subject}`, payload)
    return bus.publishDurable(events)
  },
  signal: (subject, message) => {
    inspect(`signal ${subject}`, JSON.stringify(message) ?? '')
    bus.signal(subject, message)
  },
  signalHeard: (subject, message) => {
    inspect(`signal ${subject}`, JSON.stringify(message) ?? '')
    return bus.signalHeard(subject, message)
  },
})
