/** `clawmesh events dead`: what consumers could not handle, and replaying it. */
import { createDeadEvents, type DeadEventSummary, type RemoteService } from '@clawmesh/chassis'
import { checkReplay, printable, withRowsOf, type ListOptions, type ReplayOptions, type Report } from './dead-work.ts'

const deadEvents = { none: 'keeps no dead events', connection: 'events', open: createDeadEvents }

const lineOf = (service: RemoteService, row: DeadEventSummary): string =>
  printable(
    `${service} ${row.id} ${row.state} ${row.event} tenant ${row.tenantId ?? 'unknown'} ` +
      `deliveries ${row.deliveries} last ${row.failedAt.toISOString()}: ${row.error}`,
  )

/** The dead events, oldest first by service; without their payloads. */
export const listDeadEvents = (env: NodeJS.ProcessEnv, { service, json, limit }: ListOptions): Promise<string> =>
  withRowsOf(deadEvents, env, service, async (holders) => {
    const rows: (DeadEventSummary & { service: RemoteService })[] = []
    const notes: string[] = []
    for (const [name, held] of holders) {
      const listed = await held.list(limit)
      rows.push(...listed.map((row) => ({ service: name, ...row })))
      const more = listed.length < limit ? 0 : (await held.count()) - listed.length
      if (more > 0) notes.push(`${name}: ${more} more`)
    }
    if (json) return JSON.stringify(rows, null, 2)
    return rows.length === 0 ? 'no dead events' : [...rows.map((row) => lineOf(row.service, row)), ...notes].join('\n')
  })

/**
 * Asks services to replay one dead event, or all that wait; not ok when none does. The services do it while they run.
 * @throws SetupError for options that do not go together
 */
export const replayDeadEvents = (
  env: NodeJS.ProcessEnv,
  id: string | undefined,
  options: ReplayOptions,
): Promise<Report> => {
  checkReplay('dead event', id, options)
  return withRowsOf(deadEvents, env, options.service, async (holders) => {
    const lines: string[] = []
    for (const [name, held] of holders) {
      const count = await held.requestReplay(id)
      if (count > 0) lines.push(`${name}: ${count} to be replayed, within seconds while ${name} runs`)
    }
    return lines.length > 0
      ? { text: lines.join('\n'), ok: true }
      : { text: 'nothing waits that could be replayed', ok: false }
  })
}
