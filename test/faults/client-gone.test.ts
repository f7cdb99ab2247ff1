/** A thousand clients hang up at the tenth token. */
import { startAllInOne, type AllInOne } from '../support/all-in-one.ts'
import { leaveClients } from './scenarios/client-gone.ts'

let mesh: AllInOne
beforeAll(async () => {
  mesh = await startAllInOne()
}, 120_000)
afterAll(() => mesh?.stop())

test('each is let go upstream within a second, with its usage recorded and nothing left open', async () => {
  const clients = 1_000
  const { slowestMs, ...gone } = await leaveClients(mesh, await mesh.makeTenant('gone'), { clients, atOnce: 20 })
  console.error(`the slowest was closed after ${slowestMs.toFixed(0)} ms`)
  expect(gone).toEqual({ closed: clients, sockets: 0, recorded: clients })
  expect(slowestMs).toBeLessThan(1_000)
}, 900_000)
