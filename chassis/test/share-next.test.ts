import { shareNext } from '../src/async/share-next.ts'

/** Work that ends when it is told to. */
const workOfTest = () => {
  const begun: { input: string; end: (result: string) => void; fail: (error: Error) => void }[] = []
  const call = shareNext(
    (input: string) => input,
    (input) =>
      new Promise<string>((resolve, reject) => {
        begun.push({ input, end: resolve, fail: reject })
      }),
  )
  return { begun, call }
}
const turn = () => new Promise((resolve) => void setImmediate(resolve))

it('who comes while it is busy shares the next one, which begins after all of them have come', async () => {
  const { begun, call } = workOfTest()
  const first = call('a')
  const others = [call('a'), call('a'), call('a')]
  expect(begun).toHaveLength(1)
  begun[0]!.end('old')
  expect(await first).toBe('old')
  await turn()
  expect(begun).toHaveLength(2)
  const late = call('a')
  begun[1]!.end('new')
  expect(await Promise.all(others)).toEqual(['new', 'new', 'new'])
  await turn()
  begun[2]!.end('newest')
  expect(await late).toBe('newest')
})

it('one work does not wait for another', async () => {
  const { begun, call } = workOfTest()
  const results = [call('a'), call('b')]
  expect(begun.map(({ input }) => input)).toEqual(['a', 'b'])
  begun.forEach(({ input, end }) => end(input))
  expect(await Promise.all(results)).toEqual(['a', 'b'])
})

it('a failure is told those who shared it, and no others', async () => {
  const { begun, call } = workOfTest()
  const first = call('a')
  const second = call('a')
  begun[0]!.fail(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await turn()
  begun[1]!.end('back')
  expect(await second).toBe('back')
  const third = call('a')
  begun[2]!.end('still there')
  expect(await third).toBe('still there')
})
