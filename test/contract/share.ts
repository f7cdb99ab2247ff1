/** Shares of inputs among routes. */
import { allRoutes, type Route } from '@clawmesh/contracts'

const givesAll = process.env['CLAWMESH_TEST_EVERY_INPUT'] === '1'

/**
 * One in `of` of the inputs, which one mechanism judges for all routes: every route gets some of them, every input meets
 * many routes. All of them with `CLAWMESH_TEST_EVERY_INPUT=1`.
 */
export const shareOf = <T>(route: Route, inputs: readonly T[], of: number): readonly T[] => {
  if (givesAll) return inputs
  const first = allRoutes.findIndex(({ operation }) => operation === route.operation)
  return inputs.filter((_, at) => (at + first) % of === 0)
}
