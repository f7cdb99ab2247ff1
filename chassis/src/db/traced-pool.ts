import pg from 'pg'
import { traced } from '../telemetry/telemetry.ts'

const statementName = (query: unknown): string => {
  const text = typeof query === 'string' ? query : ((query as { text?: string }).text ?? '')
  return /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'QUERY'
}

/** A pool whose queries are spans when telemetry is on. The statement's text stays out: it may hold data. */
export class TracedPool extends pg.Pool {
  override query = ((...args: unknown[]) => {
    const run = super.query.bind(this) as (...all: unknown[]) => Promise<unknown>
    const callback = args.at(-1)
    if (typeof callback === 'function') return run(...args)
    const name = statementName(args[0])
    return traced(
      { name, kind: 'client', attributes: { 'db.system.name': 'postgresql', 'db.operation.name': name } },
      () => run(...args),
    )
  }) as pg.Pool['query']
}
