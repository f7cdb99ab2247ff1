#!/usr/bin/env node
/**
 * A fake `claude` program, as far as its `-p` mode with stream-json goes. It keeps a session in a file of its folder, and
 * refuses one that it does not know, or knows already. What it is told decides how it misbehaves:
 * `hang`, `flood`, `garble`, `die`, `break` (in the middle of a line), `error`, `stubborn` (ignores SIGTERM, and has a child that does).
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

const args = process.argv.slice(2)
const after = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
const write = (line) => process.stdout.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
const fail = (message) => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

if (args[0] === 'auth') {
  write({ loggedIn: true, email: 'ann@example.com', subscriptionType: 'max' })
  process.exit(0)
}

const [fresh, resumed] = [after('--session-id'), after('--resume')]
const id = fresh ?? resumed ?? fail('no session')
if (fresh && existsSync(`${id}.json`)) fail(`Session ID ${id} is already in use.`)
if (resumed && !existsSync(`${id}.json`)) fail(`No conversation found with session ID: ${id}`)
const earlier = resumed ? JSON.parse(readFileSync(`${id}.json`, 'utf8')) : []

const input = JSON.parse((await text(process.stdin)).trim())
const said = input.message.content.map((part) => part.text ?? `[${part.type}]`).join(' ')
const result = { type: 'result', subtype: 'success', is_error: false, session_id: id }

write({ type: 'system', subtype: 'init', session_id: id, model: after('--model') })
if (said === 'hang') await sleep(3_600_000)
if (said === 'die') fail('out of memory')
if (said === 'break') {
  process.stdout.write('{"type":"assis', () => fail('out of memory'))
  await sleep(3_600_000)
}
if (said === 'garble') {
  write('{"type":"assis')
  await sleep(3_600_000)
}
if (said === 'flood') for (;;) if (!process.stdout.write('x'.repeat(1_000_000))) await once(process.stdout, 'drain')
if (said === 'stubborn') {
  process.on('SIGTERM', () => undefined)
  const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"])
  write({ type: 'stream_event', event: { delta: { type: 'text_delta', text: `${process.pid} ${child.pid}` } } })
  await sleep(3_600_000)
}
if (said === 'error') {
  write({ ...result, is_error: true, subtype: 'error_during_execution', result: 'the account has no credit' })
  process.exit(0)
}
const leaked = Object.keys(process.env).filter((name) => /^CLAUDE(?!_CODE_OAUTH_TOKEN)|SECRET|TOKEN|KEY/.test(name))
const system = readFileSync('CLAUDE.md', 'utf8')
const answer = said === 'what do you know?' ? JSON.stringify({ earlier, system, leaked, args }) : `You said: ${said}`
const middle = Math.ceil(answer.length / 2)
for (const piece of [answer.slice(0, middle), answer.slice(middle)])
  write({ type: 'stream_event', event: { type: 'content_block_delta', delta: { type: 'text_delta', text: piece } } })
write({ type: 'assistant', message: { role: 'assistant', content: [{ type: 'text', text: answer }] } })
writeFileSync(`${id}.json`, JSON.stringify([...earlier, said]))
write({ ...result, result: answer, usage: { input_tokens: 3, output_tokens: 5, cache_read_input_tokens: 7 } })
