#!/usr/bin/env node
/**
 * A fake program of the Agent Client Protocol. It keeps a conversation, and is as strict as real ones: nothing before
 * `initialize`, no session that it does not know, absolute folders. What it is told decides what it does:
 * `read <path>`, `write <path> <text>`, `run <shell text>`, `may <kind>` and `heard` use the other side or its memory; `work`
 * tells of tools before it answers;
 * `hang`, `flood`, `garble`, `die`, `stubborn` (ignores SIGTERM, and has a child that does) and `slow` misbehave.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const heard = []
const sessions = new Set()
const waiting = new Map()
let lastId = 0
let isReady = false
let isCancelled = false

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const ask = (method, params) =>
  new Promise((resolve) => {
    const id = ++lastId
    waiting.set(id, resolve)
    write({ id, method, params })
  })
class Refused extends Error {}

const initialize = ({ protocolVersion, clientCapabilities }) => {
  if (protocolVersion !== 1) throw new Refused('protocolVersion')
  if (clientCapabilities?.fs?.readTextFile !== true || clientCapabilities.terminal !== true)
    throw new Refused('clientCapabilities')
  isReady = true
  const promptCapabilities = { image: process.argv.includes('--images') }
  return { protocolVersion: 1, agentCapabilities: { loadSession: false, promptCapabilities }, authMethods: [] }
}
const newSession = ({ cwd, mcpServers }) => {
  if (!isReady || !cwd?.startsWith('/') || !Array.isArray(mcpServers)) throw new Refused('session/new')
  const sessionId = `sess_${sessions.size + 1}`
  sessions.add(sessionId)
  return { sessionId }
}

const prompt = async ({ sessionId, prompt: blocks }) => {
  if (!sessions.has(sessionId)) throw new Refused('unknown session')
  for (const block of blocks)
    if (block.type === 'text' ? typeof block.text !== 'string' : !(block.data && block.mimeType))
      throw new Refused('content block')
  isCancelled = false
  const shown = blocks.map((block) => block.text ?? `[${block.type} ${block.mimeType}]`)
  const said = shown.at(-1)
  const tell = (text, sessionUpdate = 'agent_message_chunk') =>
    write({
      method: 'session/update',
      params: { sessionId, update: { sessionUpdate, content: { type: 'text', text } } },
    })
  const [word, path, ...rest] = said.split(' ')
  const show = ({ result, error }) => tell(error ? `refused: ${error.message}` : JSON.stringify(result))

  if (word === 'hang') await sleep(3_600_000)
  if (word === 'die') {
    process.stderr.write('out of memory\n')
    process.exit(1)
  }
  if (word === 'garble') {
    process.stdout.write('{"jsonrpc":"2.0",\n')
    await sleep(3_600_000)
  }
  if (word === 'flood') for (;;) if (!process.stdout.write('x'.repeat(1_000_000))) await once(process.stdout, 'drain')
  if (word === 'stubborn') {
    process.on('SIGTERM', () => undefined)
    const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"])
    tell(`${process.pid} ${child.pid}`)
    await sleep(3_600_000)
  }
  if (word === 'slow') {
    tell('one moment')
    while (!isCancelled) await sleep(5)
    return { stopReason: 'cancelled' }
  }
  if (word === 'heard') tell(JSON.stringify({ heard, blocks: shown, pid: process.pid, env: Object.keys(process.env) }))
  else if (word === 'read') show(await ask('fs/read_text_file', { sessionId, path, ...JSON.parse(rest[0] ?? '{}') }))
  else if (word === 'write') show(await ask('fs/write_text_file', { sessionId, path, content: rest.join(' ') }))
  else if (word === 'may') {
    const options = ['allow_once', 'allow_always', 'reject_once'].map((kind) => ({ optionId: kind, name: kind, kind }))
    const toolCall = { toolCallId: 't', title: 'a deed', kind: path }
    show(await ask('session/request_permission', { sessionId, toolCall, options }))
  } else if (word === 'run') {
    const command = said.slice('run '.length)
    const made = await ask('terminal/create', {
      sessionId,
      command: '/bin/sh',
      args: ['-c', command],
      outputByteLimit: 20,
    })
    if (made.error) show(made)
    else {
      const { terminalId } = made.result
      const { result: exit } = await ask('terminal/wait_for_exit', { sessionId, terminalId })
      const { result: output } = await ask('terminal/output', { sessionId, terminalId })
      await ask('terminal/release', { sessionId, terminalId })
      tell(JSON.stringify({ exit, output }))
    }
  } else if (word === 'full') {
    tell('so far')
    return { stopReason: 'max_tokens' }
  } else if (word === 'work') {
    for (const sessionUpdate of ['tool_call', 'plan', 'tool_call_update'])
      write({ method: 'session/update', params: { sessionId, update: { sessionUpdate, toolCallId: 't' } } })
    tell('done')
  } else if (word === 'unknown') show(await ask('fs/no_such_method', {}))
  else {
    tell('hm', 'agent_thought_chunk')
    tell('You said: ')
    tell(said)
  }
  heard.push(said)
  return { stopReason: 'end_turn' }
}

const methods = { initialize, 'session/new': newSession, 'session/prompt': prompt }

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, ...answer } = JSON.parse(line)
  if (method === 'session/cancel') isCancelled = true
  else if (method === undefined) waiting.get(id)?.(answer)
  else
    void (async () => methods[method](params))().then(
      (result) => write({ id, result }),
      (error) => write({ id, error: { code: -32_602, message: error.message } }),
    )
}
