/** An MCP server as a program that misbehaves as its first argument says. Speaks the protocol of 2025 line by line. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

const [mode, count = '1'] = process.argv.slice(2)
const say = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)

const birth = randomUUID()
const tried = (work) => {
  try {
    return work()
  } catch (thrown) {
    return thrown.code
  }
}
/** What it finds where it looks, whether it can write there, and whether a port of the machine answers. */
const looks = async ({ read = [], write = [], list = [], port }) => ({
  read: read.map((path) => tried(() => readFileSync(path, 'latin1').slice(0, 10_000))),
  write: write.map((path) => tried(() => writeFileSync(path, 'x') ?? 'written')),
  list: list.map((path) => tried(() => readdirSync(path))),
  port:
    port === undefined
      ? undefined
      : await new Promise((resolve) => {
          const socket = connect(port, '127.0.0.1', () => resolve('open'))
          socket.on('error', ({ code }) => resolve(code))
        }),
})

if (mode === 'mute') setInterval(() => {}, 1e6)
else {
  if (mode === 'leaves-children')
    spawn(process.execPath, ['-e', 'setInterval(()=>{},1e6)', process.env.MARK ?? ''], {
      detached: true,
      stdio: 'ignore',
    }).unref()
  if (mode === 'garbles') process.stdout.write('Starting up...\n{"jsonrpc": broken\n\u0000\u0001\n[]\n')
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line)
    if (method === 'initialize')
      say(id, {
        protocolVersion: '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'fake', version: '1' },
      })
    else if (method === 'tools/list')
      say(id, {
        tools: Array.from({ length: Number(count) }, (_, at) => ({
          name: Number(count) === 1 ? 'tell' : `tool_${at}`,
          description: `Tells what it was told, number ${at}`,
          inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
        })),
      })
    else if (method === 'ping') say(id, {})
    else if (method === 'tools/call') {
      if (mode === 'dies') process.exit(1)
      if (mode === 'hangs') return
      if (mode === 'floods') process.stdout.write('x'.repeat(20_000_000))
      if (mode === 'garbles') process.stdout.write('not json\n')
      const told = { args: params.arguments, birth, cwd: process.cwd(), env: process.env }
      void (mode === 'looks' ? looks(JSON.parse(params.arguments.text)) : Promise.resolve({})).then((seen) =>
        say(id, { content: [{ type: 'text', text: JSON.stringify({ ...told, seen }) }] }),
      )
    } else if (id !== undefined)
      process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'unknown' } })}\n`)
  })
}
