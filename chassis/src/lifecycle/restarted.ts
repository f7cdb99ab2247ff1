/** What the supervisor (scripts/supervise.mjs) tells a process that it has started again. */
const count = Number(process.env['CLAWMESH_RESTARTS'] ?? 0)

/** How often this process was started again after a crash, and how the one before it ended. */
export const restarted: { readonly count: number; readonly lastExit: string } = {
  count: Number.isInteger(count) && count > 0 ? count : 0,
  lastExit: process.env['CLAWMESH_LAST_EXIT'] ?? '',
}
