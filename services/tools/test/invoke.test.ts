import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MeshError } from '@clawmesh/contracts'
import { z } from 'zod'
import { availableTools, catalogue } from '../src/builtin-tools/catalogue.ts'
import { findTool, invokeTool, offeredTools, type InvokeDeps } from '../src/invoke/run-tool.ts'
import type { PortName } from '../src/tool/ports.ts'
import { parametersSchema, says, type Tool, type ToolContext } from '../src/tool/tool.ts'
import { contextWith } from './context.ts'
import { ofContract } from './contract-tools.ts'
import { sandbox, type Sandbox } from './temporary.ts'

let box: Sandbox
let context: ToolContext
beforeEach(async () => {
  box = await sandbox()
  context = contextWith({ workspace: box.workspace })
})
afterEach(() => box.remove())

/** Every tool of the catalogue, switched on. */
const settings = catalogue.map(({ name }) => ({ name, enabled: true, tenantEnabled: null as boolean | null }))
const everyTool = availableTools(settings)
const toolNamed = (name: string): Tool => everyTool.find((tool) => tool.name === name)!

const deps: InvokeDeps = { tools: everyTool, policy: {} }
const invoke = (tool: string, args: unknown, more: Partial<InvokeDeps> = {}, signal?: AbortSignal) =>
  invokeTool({ ...deps, ...more }, { tool, args, context, signal })
/** A tool named exec that does what the test says. */
const tool = (run: Tool['run']): Partial<InvokeDeps> => ({
  tools: [{ name: 'exec', description: '', parameters: z.object({}), run }],
})

describe('which tool is run', () => {
  test('aliases and the agent’s prefix are understood', async () => {
    writeFileSync(join(box.workspace.path, 'a'), 'x')
    const args = { path: 'a', old_string: 'x', new_string: 'y' }
    expect((await invoke('edit_file', args)).output).toBe('Replaced 1 occurrence in a')
    const policy = { agent: { toolCallPrefix: 'my_' } }
    expect((await invoke('my_read_file', { path: 'a' }, { policy })).output).toBe('y')
    expect((await invoke('read_file', { path: 'a' }, { policy })).output).toBe('y')
  })

  test.each(['nothing', '', '__proto__', 'constructor'])('%j is unknown', async (name) => {
    expect(await invoke(name, {})).toEqual({
      output: `unknown tool: ${name}`,
      isError: true,
      forUser: '',
      metadata: {},
    })
  })

  test('one that nobody can run here says what it needs, whatever the policy', async () => {
    for (const policy of [{}, { agent: { deny: ['browser', 'spawn'] } }]) {
      const lacking = new Set<PortName>(['browser'])
      expect((await invoke('browser', {}, { policy, lacking, tools: availableTools(settings, lacking) })).output).toBe(
        'browser is not available here: it needs browser',
      )
      expect((await invoke('spawn', {}, { policy })).output).toBe('spawn is not available here: it needs subagents')
    }
  })

  test('what is disabled or denied is as unknown as what does not exist', async () => {
    const denied = { policy: { agent: { deny: ['group:fs'] } } }
    expect((await invoke('list_files', {}, denied)).output).toBe('unknown tool: list_files')
    const states = settings.map((entry) => (entry.name === 'list_files' ? { ...entry, tenantEnabled: false } : entry))
    const disabled = { tools: availableTools(states), policy: { agent: { alsoAllow: ['list_files'] } } }
    expect((await invoke('list_files', {}, disabled)).output).toBe('unknown tool: list_files')
    expect(offeredTools({ ...deps, ...disabled }).map(({ name }) => name)).not.toContain('list_files')
    expect(() => findTool({ ...deps, ...denied }, 'edit')).toThrow(MeshError)
  })
})

describe('arguments', () => {
  test.each([
    [{}, 'path is required; content is required'],
    [undefined, 'path is required; content is required'],
    [{ path: 'a', content: 5 }, /^content: .*string/],
    [{ path: '', content: 'x' }, /^path: /],
    [{ path: 'a', content: 'x', deliver: 'yes' }, /^deliver: /],
    [[], 'arguments must be an object'],
    ['x', 'arguments must be an object'],
  ])('%j', async (args, fault) => {
    const { output, isError } = await invoke('write_file', args)
    expect(isError).toBe(true)
    expect(output.replace('invalid arguments for write_file: ', '')).toEqual(
      fault instanceof RegExp ? expect.stringMatching(fault) : fault,
    )
  })

  test.each([{ offset: null, limit: null }, { offset: '0' }, { offset: ' 0 ', limit: '2000' }])(
    'optional ones may be null, and numbers text: %j',
    async (optional) => {
      writeFileSync(join(box.workspace.path, 'a'), 'x')
      expect(await invoke('read_file', { path: 'a', ...optional })).toMatchObject({ output: 'x', isError: false })
    },
  )

  test.each([{ offset: 'first' }, { offset: '-1' }, { offset: '1.5' }, { offset: '' }, { path: null }])(
    'what can be read as nothing else is refused: %j',
    async (args) => {
      writeFileSync(join(box.workspace.path, 'a'), 'x')
      expect(await invoke('read_file', { path: 'a', ...args })).toMatchObject({ isError: true })
    },
  )

  test('yes and no may be text', async () => {
    writeFileSync(join(box.workspace.path, 'a'), 'xx')
    const args = { path: 'a', old_string: 'x', new_string: 'y' }
    expect((await invoke('edit', { ...args, replace_all: 'True' })).output).toBe('Replaced 2 occurrences in a')
    expect((await invoke('edit', { ...args, replace_all: 'constructor' })).isError).toBe(true)
  })

  test('nested 50,000 deep are refused in words', async () => {
    const deep: unknown = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000))
    expect(await invoke('read_file', { path: 'a', deep })).toMatchObject({
      output: 'the arguments are nested deeper than 100',
      isError: true,
    })
  })

  test('unknown ones are ignored: models add some', async () => {
    expect((await invoke('list_files', { path: '.', reason: 'curious' })).isError).toBe(false)
  })

  test('each tool has a JSON Schema that says what is required', () => {
    const required = Object.fromEntries(everyTool.map((each) => [each.name, parametersSchema(each)['required'] ?? []]))
    expect(Object.fromEntries(ofContract(Object.keys(required)).map((name) => [name, required[name]]))).toEqual({
      browser: ['action'],
      read_image: ['prompt'],
      read_document: ['prompt'],
      create_image: ['prompt'],
      read_audio: ['prompt'],
      read_video: ['prompt'],
      create_video: ['prompt'],
      create_audio: ['prompt'],
      read_file: ['path'],
      session_status: [],
      sessions_history: ['session_key'],
      sessions_list: [],
      sessions_send: ['message'],
      write_file: ['path', 'content'],
      list_files: [],
      edit: ['path', 'old_string', 'new_string'],
      web_search: ['query'],
      web_fetch: ['url'],
      datetime: [],
      cron: ['action'],
      heartbeat: ['action'],
      tts: ['text'],
      memory_search: ['query'],
      exec: ['command'],
      knowledge_graph_search: ['query'],
      memory_get: ['path'],
    })
    expect(parametersSchema(toolNamed('web_fetch'))).toMatchObject({
      type: 'object',
      properties: {
        extractMode: { type: 'string', enum: ['markdown', 'text'], default: 'markdown' },
        maxChars: { type: 'integer', minimum: 100, default: 60_000 },
      },
    })
  })
})

describe('time', () => {
  const never = tool(() => new Promise(() => {}))

  test('runs out even for a tool that does not listen', async () => {
    expect(await invoke('exec', {}, { ...never, timeoutMs: 30 })).toEqual({
      output: 'the tool did not finish within 1 seconds',
      isError: true,
      forUser: '',
      metadata: { code: 'TIMEOUT' },
    })
  })

  test('the tool’s signal fires', async () => {
    let fired = false
    const listening = tool((_, { signal }) => {
      signal.addEventListener('abort', () => (fired = true))
      return new Promise(() => {})
    })
    await invoke('exec', {}, { ...listening, timeoutMs: 30 })
    expect(fired).toBe(true)
  })

  test('the caller can break off, also before', async () => {
    expect((await invoke('exec', {}, never, AbortSignal.timeout(20))).metadata).toEqual({ code: 'CANCELLED' })
    let ran = false
    const noting = tool(async () => {
      ran = true
      return says('')
    })
    expect((await invoke('exec', {}, noting, AbortSignal.abort())).metadata).toEqual({ code: 'CANCELLED' })
    expect(ran).toBe(false)
  })

  test('a failure after the time is up goes nowhere', async () => {
    const late = tool(() => new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 40)))
    expect((await invoke('exec', {}, { ...late, timeoutMs: 10 })).isError).toBe(true)
    await new Promise((done) => setTimeout(done, 60))
  })
})

describe('failures', () => {
  const throwing = (thrown: unknown, more: Partial<InvokeDeps> = {}) => {
    const work = (): never => {
      throw thrown
    }
    return invoke('exec', {}, { ...tool(async () => work()), ...more })
  }

  test('unexpected ones tell the model nothing and the log everything', async () => {
    const seen: unknown[] = []
    const error = new Error(`at ${box.workspace.path}/x: connect postgres`)
    const result = await throwing(error, { onUnexpected: (name, thrown) => seen.push(name, thrown) })
    expect(result).toEqual({ output: 'the tool failed unexpectedly', isError: true, forUser: '', metadata: {} })
    expect(seen).toEqual(['exec', error])
    expect((await throwing('a string')).output).toBe('the tool failed unexpectedly')
    expect((await throwing(new MeshError('INTERNAL', 'error.internal'))).output).toBe('the tool failed unexpectedly')
  })

  test('worded ones speak for themselves, host folders made relative', async () => {
    const text = `cannot read ${box.workspace.path}/a in ${box.workspace.base}`
    expect((await throwing(new MeshError('TOOL_ERROR', 'error.tool_failed', { text }))).output).toBe(
      'cannot read ./a in [...]',
    )
    expect((await throwing(new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'memory' }))).output).toMatch(
      /^memory/,
    )
  })

  test('a tool that throws before its promise is a failure like others', async () => {
    const sync = tool(() => {
      throw new Error('at once')
    })
    expect((await invoke('exec', {}, sync)).output).toBe('the tool failed unexpectedly')
  })

  test('system errors are a few words without a path', async () => {
    expect((await invoke('read_file', { path: 'none/a' })).output).toBe('no such file or folder')
    writeFileSync(join(box.workspace.path, 'file'), '')
    expect((await invoke('write_file', { path: 'file/x', content: '' })).output).toBe(
      'a part of the path is a file, not a folder',
    )
    expect((await invoke('list_files', { path: 'file' })).output).not.toContain('/')
  })
})

describe('secrets in the answer', () => {
  const key = 'goclaw' + '_0123456789abcdef0123456789abcdef'
  const leaking = tool(async () => says(`key ${key}`, { forUser: key, metadata: { key, known: 'hunter2' } }))

  test('are taken out everywhere', async () => {
    const result = await invoke('exec', {}, { ...leaking, scrub: { secrets: ['hunter2'] } })
    expect(result).toEqual({
      output: 'key [REDACTED]',
      isError: false,
      forUser: '[REDACTED]',
      metadata: { key: '[REDACTED]', known: '[REDACTED]' },
    })
  })

  test('in errors too', async () => {
    expect((await invoke(`x ${key}`, {})).output).toBe('unknown tool: x [REDACTED]')
  })

  test('unless the operator switched that off', async () => {
    expect((await invoke('exec', {}, { ...leaking, scrub: false })).forUser).toBe(key)
  })
})
