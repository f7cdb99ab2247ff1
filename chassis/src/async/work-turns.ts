/** Work that holds up the event loop: one piece of it a turn of the loop, whoever it is for. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createFairTurns } from './fair-turns.ts'

const turns = createFairTurns()

/**
 * Does a piece of work in a turn of the event loop in which no other such piece is done, so that everybody else is served
 * before and after it. Keys, such as tenants, take turns. A piece is milliseconds of work; what takes longer is cut.
 */
export const workTurn = <T>(key: string, work: () => T): Promise<T> =>
  turns(key, async () => {
    await nextTurn()
    return work()
  })

/** Does a piece of a long work, which amounts to so much. */
export type PacedWork = <T>(amount: number, piece: () => T) => Promise<T>

/**
 * For work whose pieces come by and by, at times many at once: they are done as they come until they amount to
 * `mostAtOnce`, and from then on in turns as `workTurn` gives them, each for as much again.
 */
export const pacedWork = (key: string, mostAtOnce: number): PacedWork => {
  let sinceTurn = 0
  return async (amount, piece) => {
    sinceTurn += amount
    if (sinceTurn <= mostAtOnce) return piece()
    sinceTurn = amount
    return workTurn(key, piece)
  }
}

/**
 * For loops over items of which some take long: awaited after each, it lets everybody else have a turn once the event loop
 * was kept for `mostMs`.
 */
export const createBreather = (mostMs = 10): (() => Promise<void>) => {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < mostMs) return
    await nextTurn()
    since = performance.now()
  }
}
