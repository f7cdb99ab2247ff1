/** How well an Accept header likes a type, 0 to 1: its most specific matching range counts (RFC 9110, 12.5.1). */
const quality = (accept: string, type: string): number => {
  const wanted = [type, `${type.split('/')[0]}/*`, '*/*']
  const ranges = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    return { name, q: q === undefined ? 1 : Number(q.slice(2)) || 0 }
  })
  for (const name of wanted) {
    const range = ranges.find((candidate) => candidate.name === name)
    if (range !== undefined) return range.q
  }
  return 0
}

/** Whether a type is liked better than JSON, which none is by default. */
export const prefers = (type: string, accept: string | undefined): boolean =>
  accept !== undefined && quality(accept, type) > quality(accept, 'application/json')
