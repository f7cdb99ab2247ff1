/** The largest count that is stored; a larger one would fail the batch it came in. */
export const maxCount = 2_147_483_647

/** A count as it is stored: whole, not negative, and within 32 bits. What is no number counts nothing. */
export const toCount = (value: unknown): number =>
  typeof value === 'number' && value > 0 ? Math.min(Math.trunc(value), maxCount) : 0
