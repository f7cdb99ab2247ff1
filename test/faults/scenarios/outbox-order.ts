/** What a process of `outbox-kills.ts` is told to do. */

/** Where a process is killed. Only the first leaves nothing to publish. */
const deaths = ['before commit', 'after commit', 'before emit', 'within emit', 'after emit'] as const
export type Death = (typeof deaths)[number]

/** The place of a round: they take turns. */
export const deathOf = (round: number): Death => deaths[round % deaths.length]!

export interface OutboxOrder {
  databaseUrl: string
  natsUrl: string
  tenantId: string
  /** Written in one transaction, each with its event. */
  facts: number
  death: Death | undefined
}
