/** How much agents hold, and held. */

/** What was held from an hour on, as it was last counted in it. */
export interface Held {
  hour: Date
  documents: number
  chunks: number
  entities: number
  relations: number
}

export interface HeldQuery {
  from: Date
  /** Exclusive. */
  to: Date
  /** All agents of the tenant unless one is named. */
  agentId: string | undefined
}

/** The rows of one tenant. */
export interface HeldRows {
  /** States from a time on, oldest first, each lasting until the next; the first is of the hour of `from` or later. */
  history: (query: HeldQuery) => Promise<Held[]>
}
