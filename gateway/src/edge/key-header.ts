/** The credential in a header of its own, as Anthropic's clients send it. */
import type { IncomingMessage } from 'node:http'
import type { Route } from '@clawmesh/contracts'

/** `X-Api-Key` as it came; empty where the route does not take it, or an `Authorization` header is there too. */
export const keyHeaderOf = ({ headers }: Pick<IncomingMessage, 'headers'>, { definition }: Route): string => {
  const key = headers['x-api-key']
  return definition.keyHeader === true && headers.authorization === undefined && typeof key === 'string' ? key : ''
}
