import { MeshError } from '@clawmesh/contracts'
import { createLogger, listen, sendError } from '../src/index.ts'

it.each([
  ['of the answer, which the edge has set', 'chosen-by-the-edge', 'chosen-by-the-edge'],
  ['of the request, which the edge has sent on', undefined, 'sent'],
])('a logged error names the request id %s', async (_, answered, expected) => {
  const lines: string[] = []
  const log = createLogger({ level: 'debug', name: 'test', stream: { write: (line) => void lines.push(line) } })
  const server = await listen(
    (request, response) => {
      if (answered !== undefined) response.setHeader('x-request-id', answered)
      sendError({ request, response, thrown: new MeshError('UNAUTHORIZED', 'error.unauthorized'), log })
    },
    '127.0.0.1',
    0,
  )
  try {
    await fetch(`http://127.0.0.1:${server.port}/v1/agents?token=secret`, { headers: { 'x-request-id': 'sent' } })
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ requestId: expected, path: '/v1/agents' }])
  } finally {
    await server.drain(0)
  }
})
