/** Cases a property is tried with: in `npm test`, and in `npm run faults`. */
export const caseCounts = { short: 1_000, full: 100_000 } as const
