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

it('a stream of events is ended with the error once, and whoever goes on writing to it is not heard', async () => {
  const log = createLogger({ level: 'silent', name: 'test' })
  const server = await listen(
    (request, response) => {
      response.setHeader('content-type', 'text/event-stream')
      response.write('data: one\n\n')
      for (const code of ['UNAVAILABLE', 'INTERNAL'] as const)
        sendError({ request, response, thrown: new MeshError(code, 'error.internal'), log })
      response.write('data: two\n\n')
    },
    '127.0.0.1',
    0,
  )
  try {
    const text = await (await fetch(`http://127.0.0.1:${server.port}/v1/agents`)).text()
    expect(text).toMatch(/^data: one\n\n\n\ndata: \{"error":.*"code":"UNAVAILABLE".*\}\n\n$/)
  } finally {
    await server.drain(0)
  }
})
