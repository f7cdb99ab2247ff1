/** Asks the links of a chain until one answers. */
import { MeshError } from '@clawmesh/contracts'
import { toolError } from '../tool/tool-error.ts'
import type { Link } from './chain.ts'

/** What a provider is blamed for, in one line. */
const mostReasonChars = 300

/** A link that cannot do it, in words that say why. */
export class UnsuitableError extends Error {}

const reasonOf = (thrown: unknown, hasTimedOut: boolean, { timeoutMs }: Link): string => {
  if (hasTimedOut) return `no answer within ${timeoutMs / 1_000} s`
  if (thrown instanceof UnsuitableError) return thrown.message
  return thrown instanceof MeshError && thrown.code !== 'INTERNAL' ? thrown.message : 'it failed unexpectedly'
}

/**
 * @param onFailure told of each link that did not answer
 * @throws TOOL_ERROR naming why each of them did not; the signal's reason
 */
export const tryLinks = async <T>(
  links: readonly Link[],
  signal: AbortSignal,
  ask: (link: Link, signal: AbortSignal) => Promise<T>,
  onFailure: (link: Link, thrown: unknown) => void,
): Promise<T> => {
  const failures: string[] = []
  for (const link of links) {
    const timeout = AbortSignal.timeout(link.timeoutMs)
    try {
      return await ask(link, AbortSignal.any([signal, timeout]))
    } catch (thrown) {
      signal.throwIfAborted()
      onFailure(link, thrown)
      failures.push(`${link.provider.name}: ${reasonOf(thrown, timeout.aborted, link).slice(0, mostReasonChars)}`)
    }
  }
  throw toolError(`none of the providers could: ${failures.join('; ')}`)
}
