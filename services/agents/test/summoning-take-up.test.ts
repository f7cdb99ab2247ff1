import { createLogger } from '@clawmesh/chassis'
import { createTakeUp } from '../src/summoning/take-up.ts'

const log = createLogger({ level: 'silent', name: 'test' })
const summoning = { tenantId: 't', agentId: 'a', id: 's' }

it('starts although the database does not answer, and takes up what is open once it does', async () => {
  let asked = 0
  const { promise: taken, resolve } = Promise.withResolvers<string[]>()
  const part = createTakeUp({
    open: async () => {
      if (++asked < 3) throw new Error('timeout expired')
      return [summoning]
    },
    start: async (...given) => resolve(given),
    log,
    againMs: 1,
  })
  await part.start!()
  expect(await taken).toEqual(['t', 'a', 's'])
  await part.stop!()
  expect(asked).toBe(3)
})

it('stops while the database does not answer', async () => {
  const part = createTakeUp({ open: () => Promise.reject(new Error('away')), start: async () => {}, log })
  await part.start!()
  await part.stop!()
})
