import { createPlaces } from '../src/index.ts'

it('a key has so many places, each free again once it is left, and others have their own', () => {
  const take = createPlaces(2)
  const leave = take('a')!
  expect(take('a')).toBeDefined()
  expect(take('a')).toBeUndefined()
  expect(take('b')).toBeDefined()
  leave()
  expect(take('a')).toBeDefined()
  expect(take('a')).toBeUndefined()
})
