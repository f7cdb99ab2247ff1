/** Deny patterns. They are an admin's, and run over what models write: RE2, which takes linear time whatever they say. */
import { LRUCache } from 'lru-cache'
import { RE2JS } from 're2js'
import type { CliCredential } from './types.ts'

const compiled = new LRUCache<string, RE2JS>({ max: 1_000 })

/** @throws RE2JSException for what is no pattern */
const patternOf = (text: string): RE2JS => {
  const known = compiled.get(text)
  if (known !== undefined) return known
  const pattern = RE2JS.compile(text)
  compiled.set(text, pattern)
  return pattern
}

export const isPattern = (text: string): boolean => {
  try {
    patternOf(text)
    return true
  } catch {
    return false
  }
}

/** The first pattern that one of the texts matches, `denyArgs` before `denyVerbose`. One that cannot be read matches. */
export const matchedPattern = (
  { denyArgs, denyVerbose }: Pick<CliCredential, 'denyArgs' | 'denyVerbose'>,
  ...texts: readonly string[]
): string | undefined =>
  [...denyArgs, ...denyVerbose].find(
    (text) => !isPattern(text) || texts.some((args) => patternOf(text).matcher(args).find()),
  )
