/** What the supervisor (scripts/supervise.mjs) tells a process that it has started again. */
export interface Restarted {
  /** How often this process was started again after a crash. */
  readonly count: number
  /** How the one before it ended. */
  readonly lastExit: string
}

export const restartedAs = (env: Readonly<Record<string, string | undefined>>): Restarted => {
  const count = Number(env['CLAWMESH_RESTARTS'] ?? 0)
  return {
    count: Number.isInteger(count) && count > 0 ? count : 0,
    lastExit: env['CLAWMESH_LAST_EXIT'] ?? '',
  }
}

/** Of this process. */
export const restarted = restartedAs(process.env)
