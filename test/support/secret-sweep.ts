/**
 * Secrets that tests plant may leave the mesh only for whom they are meant. What it answers, logs, publishes and stores is
 * looked through for them; who finds one fails the suite that planted it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Bus, OutgoingEvent } from '@clawmesh/chassis'
import pg from 'pg'

/** Stands in every planted secret, and nowhere else. */
export const secretMark = 'hush-canary'
/** Keys that the tests of providers store, beside those with the mark. */
const planted = [secretMark, 'sk-stored']

const holdsSecret = (text: string): boolean => planted.some((secret) => text.includes(secret))

interface SecretSweep {
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
  return {
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
      if (found.size > 0) throw new Error(`secrets were found in ${[...found].join(', ')}`)
    },
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
