import { createBreather, pacedWork, workTurn } from '../src/index.ts'

/** Work that tells which pieces were followed by a turn of the event loop before the next piece was done. */
const recorded = () => {
  const done: string[] = []
  const served: string[] = []
  const piece = (name: string) => () => {
    // Whoever is waiting while a piece is done is served before the next one.
    expect(served).toEqual(done)
    done.push(name)
    setImmediate(() => served.push(name))
    return name
  }
  return { done, piece }
}

it('does one piece of work a turn of the event loop, of whatever key, and keys take turns', async () => {
  const { done, piece } = recorded()
  const named = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']
  expect(await Promise.all(named.map((name) => workTurn(name[0]!, piece(name))))).toEqual(named)
  expect(done).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
})

it('goes on after work that fails', async () => {
  const failing = workTurn('a', () => {
    throw new Error('no')
  })
  const next = workTurn('a', () => 1)
  await expect(failing).rejects.toThrow('no')
  expect(await next).toBe(1)
})

describe('paced work', () => {
  it('is done at once until it amounts to enough, and then in turns', async () => {
    let turns = 0
    let next = setImmediate(function tick() {
      turns++
      next = setImmediate(tick)
    })
    const pace = pacedWork('a', 10)
    const atTurn: number[] = []
    for (let piece = 0; piece < 40; piece++) atTurn.push(await pace(4, () => turns))
    clearImmediate(next)
    // Two pieces of four fit in ten: every third would be too much, and waits.
    expect(atTurn.slice(0, 2)).toEqual([0, 0])
    expect(new Set(atTurn).size).toBeGreaterThanOrEqual(19)
  })

  it('waits with a piece that is too much by itself, and shares the turns with all other work', async () => {
    const { done, piece } = recorded()
    const pace = pacedWork('a', 10)
    await Promise.all([pace(11, piece('long')), workTurn('b', piece('other'))])
    expect(done).toEqual(['long', 'other'])
  })
})

it('a breather gives everybody else a turn once the event loop was kept for long enough', async () => {
  const breathe = createBreather(10)
  let served = 0
  const items = [5, 6, 7, 8]
  for (const item of items) {
    setImmediate(() => served++)
    const until = performance.now() + 2 * item
    while (performance.now() < until);
    await breathe()
  }
  expect(served).toBe(items.length)
})
