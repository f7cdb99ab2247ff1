/** Ties tests to the sentences of behaviour that the contract's tables declare (`rules`). */
import { ruleSentences, type RuleId } from '@clawmesh/contracts'

/** The name of a test that pins a rule, for `it.each` and the like; `about` tells its cases apart. */
export const ruleName = (id: RuleId, about = ''): string =>
  `${id}: ${ruleSentences.get(id)}${about === '' ? '' : ` (${about})`}`

/** A test that would fail without what the rule says. */
export const rule = (id: RuleId, work: () => Promise<void>, timeoutMs?: number): void => {
  it(ruleName(id), work, timeoutMs)
}
