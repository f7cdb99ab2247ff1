/** A running server that a test run or a benchmark has started. */
export interface PostgresHandle {
  /** Superuser URL of the maintenance database. */
  url: string
  stop(): Promise<void>
}
