import { randomUUID } from 'node:crypto'

const wellFormed = /^[A-Za-z0-9._-]{1,128}$/

/** The id by which a request is followed through the mesh: the client's own when it is well formed, else a new one. */
export const requestIdOf = (given: string | string[] | undefined): string =>
  typeof given === 'string' && wellFormed.test(given) ? given : randomUUID()
