/** What a message does to a session that is busy. */
export const queueModes = ['followup', 'queue', 'interrupt'] as const
export type QueueMode = (typeof queueModes)[number]

/** Which message is refused when too many wait. */
export const queueDrops = ['new', 'old'] as const
export type QueueDrop = (typeof queueDrops)[number]
