/**
 * The order of test files. jest knows how long each took from the run before; where there was none, as on a fresh clone, it
 * goes by size, so that a short file that starts a whole mesh comes last, alone. These take turns with the others instead.
 */
import sequencer from '@jest/test-sequencer'

const Sequencer = /** @type {typeof import('@jest/test-sequencer').default} */ (sequencer.default ?? sequencer)

/** @typedef {import('@jest/test-result').Test} Test */

/** @param {Test} test */
const startsProcesses = ({ context }) => context.config.displayName?.name === 'e2e'

/** @template T @param {readonly T[]} some @param {readonly T[]} others @returns {T[]} one of each in turn, then what is left */
const inTurn = (some, others) =>
  Array.from({ length: Math.max(some.length, others.length) }, (_, at) => [some[at], others[at]])
    .flat()
    .filter((one) => one !== undefined)

export default class extends Sequencer {
  /** @override @param {Test[]} tests */
  sort(tests) {
    const sorted = super.sort(tests)
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted
    return inTurn(
      sorted.filter(startsProcesses),
      sorted.filter((test) => !startsProcesses(test)),
    )
  }
}
