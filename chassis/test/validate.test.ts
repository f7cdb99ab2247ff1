import { z } from 'zod'
import { validate } from '../src/index.ts'

it('looks for one fault, and not for those behind it', () => {
  let looked = 0
  const item = z.preprocess((value) => {
    looked++
    return value
  }, z.string())
  expect(() => validate(z.object({ list: z.array(item) }), { list: Array(10_000).fill(0) }, 'en')).toThrow('list.0')
  expect(looked).toBe(1)
})
