/** A fast OpenAI-compatible upstream: answers at once, whole or in 50 chunks, or refuses. Prints its port. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { refusedModel } from './refused-model.ts'

const chunks = 50
const usage = { prompt_tokens: 20, completion_tokens: chunks, total_tokens: 20 + chunks }
const head = { id: 'chatcmpl-bench', created: 0, model: 'bench' }

const whole = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'word '.repeat(chunks) }, finish_reason: 'stop' }],
  usage,
})
const frame = (choices: object[], extra: object = {}) =>
  `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...extra })}\n\n`
const delta = frame([{ index: 0, delta: { content: 'word ' }, finish_reason: null }])
const ending = `${frame([{ index: 0, delta: {}, finish_reason: 'stop' }])}${frame([], { usage })}data: [DONE]\n\n`

const json = { 'content-type': 'application/json' }
const refusal = JSON.stringify({
  error: { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' },
})

const stream = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let sent = 0
  const next = () => {
    if (response.destroyed) return
    if (sent++ === chunks) return void response.end(ending)
    response.write(delta)
    setImmediate(next)
  }
  next()
}

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const body = Buffer.concat(parts)
    if (body.includes(`"model":"${refusedModel}`)) response.writeHead(429, json).end(refusal)
    else if (body.includes('"stream":true')) stream(response)
    else response.writeHead(200, json).end(whole)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
