/** A document with its times as the contract has them: milliseconds since 1970. */
export const withEpochTimes = <D extends { createdAt: Date; updatedAt: Date }>(document: D) => ({
  ...document,
  createdAt: document.createdAt.getTime(),
  updatedAt: document.updatedAt.getTime(),
})
