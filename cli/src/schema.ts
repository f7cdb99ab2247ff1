import { pendingMigrations, type Logger, type MigrationTarget, type Part } from '@clawmesh/chassis'

/** PostgreSQL's code for a login that may not look. */
const forbidden = '42501'

/**
 * Keeps a process unready while a schema lacks migrations that the program has, as in a deployment that was not migrated
 * first; the log says which. One that has more is that of a later release, with which this one can live.
 */
export const schemaPart = (target: MigrationTarget, log: Logger): Part => {
  const service = target.schema
  let isUpToDate = false
  let reported = ''
  return {
    name: `${service} schema`,
    ready: async () => {
      if (isUpToDate) return true
      try {
        const pending = await pendingMigrations(target)
        isUpToDate = pending.length === 0
        if (!isUpToDate && reported !== pending.join())
          log.warn({ service, lacks: pending }, 'the schema is older than the program: run clawmesh migrate')
        reported = pending.join()
      } catch (thrown) {
        // Only the login that migrates can tell. Anything else is the database's own part to report.
        isUpToDate = (thrown as { code?: unknown }).code === forbidden
      }
      return isUpToDate
    },
  }
}
