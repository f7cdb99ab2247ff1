import { createFairTurns } from '../src/index.ts'

const gate = () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

it('lets one in at a time, and keys take turns', async () => {
  const turns = createFairTurns()
  const first = gate()
  const order: string[] = []
  let inside = 0
  const work = (name: string, before?: Promise<void>) => async () => {
    expect(++inside).toBe(1)
    await before
    order.push(name)
    inside--
    return name
  }
  const all = [
    turns('a', work('a1', first.opened)),
    turns('a', work('a2')),
    turns('a', work('a3')),
    turns('b', work('b1')),
    turns('c', work('c1')),
    turns('b', work('b2')),
  ]
  first.open()
  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'b2'])
  expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
})

it('goes on after a failure, and after a pause', async () => {
  const turns = createFairTurns()
  const failing = turns('a', () => Promise.reject(new Error('no')))
  const next = turns('a', async () => 1)
  await expect(failing).rejects.toThrow('no')
  expect(await next).toBe(1)
  expect(await turns('a', async () => 2)).toBe(2)
})
