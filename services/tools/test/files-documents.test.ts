import { readdirSync } from 'node:fs'
import type { AgentFacts, ToolContext } from '../src/tool/tool.ts'
import { agentFacts, contextFilesOf, contextWith, memoryOf } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'
import { sandbox, type Sandbox } from './temporary.ts'

let box: Sandbox
beforeEach(async () => {
  box = await sandbox()
})
afterEach(async () => {
  // Whatever a test did, nothing of it became a file.
  expect(readdirSync(box.workspace.path)).toEqual([])
  await box.remove()
})

const withAgent = (agent: Partial<AgentFacts>, parts: Partial<ToolContext> = {}): ToolContext =>
  contextWith({ workspace: box.workspace, agent: { ...agentFacts, ...agent }, ...parts })

describe('memory as files', () => {
  test('MEMORY.md, memory.md and memory/* are memory documents, however the path is written', async () => {
    const memory = memoryOf({ 'agent-1//MEMORY.md': 'shared', 'agent-1/alice/memory/a.md': 'own' })
    const context = withAgent({}, { memory })
    expect((await runTool('read_file', { path: './MEMORY.md' }, context)).output).toBe('shared')
    expect((await runTool('read_file', { path: 'x/../memory/a.md' }, context)).output).toBe('own')
    await runTool('write_file', { path: `${box.workspace.path}/memory/b/c.md`, content: 'new' }, context)
    await runTool('write_file', { path: 'memory/a.md', content: 'more', append: true }, context)
    await runTool('write_file', { path: 'memory.md', content: 'm' }, context)
    expect(memory.documents).toMatchObject({
      'agent-1/alice/memory/b/c.md': 'new',
      'agent-1/alice/memory/a.md': 'own\n\n---\n\nmore',
      'agent-1/alice/memory.md': 'm',
    })
    expect(await toolRefusal('read_file', { path: 'memory/none.md' }, context)).toBe('there is no memory/none.md yet')
  })

  test('edits at once all count', async () => {
    const memory = memoryOf({ 'agent-1/alice/MEMORY.md': 'a b c' })
    const context = withAgent({}, { memory })
    await Promise.all(
      ['a', 'b', 'c'].map((old) =>
        runTool('edit', { path: 'MEMORY.md', old_string: old, new_string: old.repeat(2) }, context),
      ),
    )
    expect(memory.documents['agent-1/alice/MEMORY.md']).toBe('aa bb cc')
  })

  test('a shared memory has no user', async () => {
    const memory = memoryOf({})
    await runTool('write_file', { path: 'MEMORY.md', content: 'x' }, withAgent({ shareMemory: true }, { memory }))
    expect(memory.documents).toEqual({ 'agent-1//MEMORY.md': 'x' })
  })

  test('team members read their lead’s memory after their own and write none', async () => {
    const memory = memoryOf({
      'lead-1//MEMORY.md': 'lead',
      'agent-1//memory/own.md': 'own',
      'lead-1//memory/own.md': 'hidden',
    })
    const context = withAgent({ leadId: 'lead-1' }, { memory })
    expect((await runTool('read_file', { path: 'MEMORY.md' }, context)).output).toBe('lead')
    expect((await runTool('read_file', { path: 'memory/own.md' }, context)).output).toBe('own')
    for (const tool of ['write_file', 'edit']) {
      const args = { path: 'MEMORY.md', content: 'x', old_string: 'lead', new_string: 'x' }
      expect(await toolRefusal(tool, args, context)).toMatch(/only the lead writes/)
    }
  })

  test('without memory or agent the text says so', async () => {
    expect(await toolRefusal('read_file', { path: 'MEMORY.md' }, withAgent({}, { memory: undefined }))).toMatch(
      /not available/,
    )
    expect(await toolRefusal('read_file', { path: 'MEMORY.md' }, withAgent({}, { agent: undefined }))).toMatch(
      /needs an agent/,
    )
  })
})

describe('context files of an open agent', () => {
  test('each user has copies of all but the heartbeat', async () => {
    const contextFiles = contextFilesOf({ 'agent-1/alice/SOUL.md': 'mine', 'agent-1//SOUL.md': 'shared' })
    const context = withAgent({}, { contextFiles })
    expect((await runTool('read_file', { path: 'SOUL.md' }, context)).output).toBe('mine')
    for (const name of ['AGENTS.md', 'TOOLS.md', 'HEARTBEAT.md'])
      await runTool('write_file', { path: name, content: name }, context)
    await runTool('edit', { path: 'SOUL.md', old_string: 'mine', new_string: 'changed' }, context)
    await runTool('write_file', { path: 'SOUL.md', content: '!', append: true }, context)
    expect(contextFiles.files).toEqual({
      'agent-1/alice/SOUL.md': 'changed!',
      'agent-1//SOUL.md': 'shared',
      'agent-1/alice/AGENTS.md': 'AGENTS.md',
      'agent-1/alice/TOOLS.md': 'TOOLS.md',
      'agent-1//HEARTBEAT.md': 'HEARTBEAT.md',
    })
  })

  test('an emptied BOOTSTRAP.md is gone', async () => {
    const contextFiles = contextFilesOf({ 'agent-1/alice/BOOTSTRAP.md': 'hello' })
    await runTool('write_file', { path: 'BOOTSTRAP.md', content: '' }, withAgent({}, { contextFiles }))
    expect(contextFiles.files).toEqual({})
  })

  test('they are not delivered with the reply', async () => {
    const result = await runTool('write_file', { path: 'USER.md', content: 'x' }, withAgent({}))
    expect(result.metadata).not.toHaveProperty('deliver')
  })
})

describe('context files of a predefined agent', () => {
  const predefined = (parts: Partial<ToolContext> = {}, selfEvolve = false) =>
    withAgent({ type: 'predefined', selfEvolve }, parts)

  test.each(['AGENTS.md', 'SOUL.md', 'IDENTITY.md', 'USER_PREDEFINED.md', 'TOOLS.md'])(
    '%s can be neither read nor written',
    async (path) => {
      const contextFiles = contextFilesOf({ [`agent-1//${path}`]: 'secret' })
      const context = predefined({ contextFiles })
      expect(await toolRefusal('read_file', { path }, context)).toMatch(/already part of your instructions/)
      expect(await toolRefusal('edit', { path, old_string: 'secret', new_string: 'x' }, context)).toMatch(
        /already part/,
      )
      expect(await toolRefusal('write_file', { path, content: 'x' }, context)).toMatch(/belongs to the agent's owner/)
      expect(await toolRefusal('write_file', { path, content: 'x', append: true }, context)).toMatch(
        /belongs to the agent/,
      )
      expect(contextFiles.files[`agent-1//${path}`]).toBe('secret')
    },
  )

  test('USER.md is the user’s, HEARTBEAT.md the agent’s', async () => {
    const contextFiles = contextFilesOf({})
    const context = predefined({ contextFiles })
    await runTool('write_file', { path: 'USER.md', content: 'u' }, context)
    await runTool('write_file', { path: 'HEARTBEAT.md', content: 'h' }, context)
    expect(contextFiles.files).toEqual({ 'agent-1/alice/USER.md': 'u', 'agent-1//HEARTBEAT.md': 'h' })
    expect((await runTool('read_file', { path: 'USER.md' }, context)).output).toBe('u')
  })

  test('BOOTSTRAP.md may only be emptied', async () => {
    const contextFiles = contextFilesOf({ 'agent-1/alice/BOOTSTRAP.md': 'hello' })
    const context = predefined({ contextFiles })
    expect(await toolRefusal('write_file', { path: 'BOOTSTRAP.md', content: 'x' }, context)).toMatch(/only be emptied/)
    await runTool('write_file', { path: 'BOOTSTRAP.md', content: '' }, context)
    expect(contextFiles.files).toEqual({})
  })

  test('SOUL.md may be written with self-evolution', async () => {
    const contextFiles = contextFilesOf({})
    await runTool('write_file', { path: 'SOUL.md', content: 's' }, predefined({ contextFiles }, true))
    expect(contextFiles.files).toEqual({ 'agent-1//SOUL.md': 's' })
  })
})

test('in a group only file writers change who the agent is', async () => {
  const group = (isWriter: boolean, files: Record<string, string> = {}) =>
    withAgent({}, { peerKind: 'group', contextFiles: contextFilesOf(files, isWriter) })
  for (const path of ['SOUL.md', 'IDENTITY.md', 'AGENTS.md', 'USER.md', 'USER_PREDEFINED.md']) {
    expect(await toolRefusal('write_file', { path, content: 'x' }, group(false))).toMatch(/file-writer permission/)
    await runTool('write_file', { path, content: 'x' }, group(true))
  }
  await runTool('write_file', { path: 'HEARTBEAT.md', content: 'x' }, group(false))
  // Until they know each other.
  await runTool(
    'write_file',
    { path: 'USER.md', content: 'x' },
    group(false, { 'agent-1/alice/BOOTSTRAP.md': 'hello' }),
  )
})
