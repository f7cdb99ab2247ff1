import type { Span } from './types.ts'

/** How many spans of a trace each of its spans is under. One that is its own ancestor counts from where that was found. */
const depthsOf = (spans: readonly Span[]): ReadonlyMap<string, number> => {
  const parents = new Map(spans.map(({ id, parentSpanId }) => [id, parentSpanId ?? undefined]))
  const depths = new Map<string, number>()
  for (const { id } of spans) {
    const path: string[] = []
    const passed = new Set<string>()
    let at: string | undefined = id
    while (at !== undefined && parents.has(at) && !depths.has(at) && !passed.has(at)) {
      passed.add(at)
      path.push(at)
      at = parents.get(at)
    }
    let depth = at === undefined ? -1 : (depths.get(at) ?? -1)
    for (const each of path.reverse()) depths.set(each, ++depth)
  }
  return depths
}

/** Spans, given in the order of their start, with those that start together parents first. Takes linear time. */
export const parentsFirst = (spans: readonly Span[]): Span[] => {
  const depths = depthsOf(spans)
  const startOf = ({ startTime }: Span) => new Date(startTime).getTime()
  // The sort is stable: what is equal stays in the order of its id.
  return spans.toSorted((a, b) => startOf(a) - startOf(b) || depths.get(a.id)! - depths.get(b.id)!)
}
