import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createProbes, restartedAs } from '../src/index.ts'

/** What /livez says of a process that was started with an environment. */
const livez = async (env: Record<string, string>): Promise<unknown> => {
  const answer = createProbes({ unready: async () => [], away: () => [] }, restartedAs(env))
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/livez`)).json()
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

it('the health of a process shows that it was started again after a crash, how often and why', async () => {
  const env = { CLAWMESH_RESTARTS: '2', CLAWMESH_LAST_EXIT: 'ended by SIGABRT (out of memory)' }
  expect(await livez(env)).toMatchObject({ status: 'ok', restarts: 2, lastExit: env.CLAWMESH_LAST_EXIT })
})

it.each<Record<string, string>>([{}, { CLAWMESH_RESTARTS: '0' }, { CLAWMESH_RESTARTS: 'often' }])(
  'that of one with %j shows none',
  async (env) => {
    expect(await livez(env)).not.toHaveProperty('restarts')
  },
)
