import { z } from 'zod'
import { smallRecord } from '../src/small-record.ts'

const looked: string[] = []
const value = z.string().refine((text) => looked.push(text) > 0)
const schema = z.object({ map: smallRecord(2, 'pairs', z.record(z.string().max(3), value)).nullish() })

beforeEach(() => void looked.splice(0))

it('takes as many entries as it may have, and each of them as the record does', () => {
  for (const map of [undefined, null, {}, { a: '1', b: '2' }]) expect(schema.parse({ map })).toEqual({ map })
  for (const map of [[], 'text', 7, { long: '1' }, { a: 1 }]) expect(schema.safeParse({ map }).success).toBe(false)
})

it('refuses more without a look at any of them', () => {
  const map = Object.fromEntries(Array.from({ length: 19_000 }, (_, at) => [`k${at}`, at]))
  expect(schema.safeParse({ map }).error?.issues).toEqual([
    { code: 'custom', path: ['map'], message: 'at most 2 pairs' },
  ])
  expect(schema.safeParse({ map: { a: '1', b: '2', c: '3' } }).success).toBe(false)
  expect(looked).toEqual([])
})

it('is documented as the record', () => {
  const record = z.record(z.string().max(3), z.string()).meta({ description: 'Notes', examples: [{ a: 'b' }] })
  for (const io of ['input', 'output'] as const)
    expect(z.toJSONSchema(smallRecord(2, 'pairs', record), { io })).toEqual(z.toJSONSchema(record, { io }))
})
