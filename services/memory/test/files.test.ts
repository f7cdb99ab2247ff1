import type { Caller } from '@clawmesh/contracts'
import { rule, ruleName } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { cleanFilePath, documentPathsOf, fileNamesOf } from '../src/files/paths.ts'
import { startMemory, type MemoryHarness } from './support.ts'

let harness: MemoryHarness
beforeAll(async () => {
  harness = await startMemory()
})
afterAll(() => harness.stop())

const url = '/api/memory'
const withPath = (path: string) => `${url}?path=${encodeURIComponent(path)}`
const write = (caller: Caller, path: string, content?: string) =>
  harness.request(caller, 'POST', url, { path, content })
const read = (caller: Caller, path: string) => harness.request(caller, 'GET', withPath(path))
const remove = (caller: Caller, path: string) => harness.request(caller, 'DELETE', withPath(path))
const namesOf = async (caller: Caller) => (await harness.request(caller, 'GET', url)).body['files']

/** A fresh tenant with its default agent. */
const fresh = () => {
  const caller = testCaller()
  return { caller, agent: harness.addAgent(caller, { isDefault: true }) }
}
const documentOf = (caller: Caller, agent: string, path: string) => `/v1/agents/${agent}/memory/documents/${path}`

describe('memory files', () => {
  const refusesBadPaths = async (ask: (caller: Caller, path: string) => ReturnType<typeof read>) => {
    const { caller } = fresh()
    for (const path of ['', '.', '/etc/passwd', '..', '../a.md', '..x', 'a/../../b.md', 'a\\b'])
      expect([path, await ask(caller, path)]).toMatchObject([path, { status: 400, body: 'invalid path\n' }])
  }
  rule('readMemory.cleansPaths', () => refusesBadPaths(read))
  rule('writeMemory.cleansPaths', () => refusesBadPaths(write))
  rule('deleteMemory.cleansPaths', () => refusesBadPaths(remove))

  rule('readMemory.belongsToTheDefaultAgent', async () => {
    const { caller, agent } = fresh()
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'memory/note.md'), { content: 'shared' })
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'MEMORY.md'), { content: 'journal' })
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'memory/mine.md'), {
      content: 'personal',
      user_id: 'somebody',
    })
    expect(await read(caller, 'note.md')).toMatchObject({ status: 200, body: { ok: true, content: 'shared' } })
    expect(await read(caller, 'MEMORY.md')).toMatchObject({ status: 200, body: { content: 'journal' } })
    expect(await read(caller, 'mine.md')).toMatchObject({ status: 404 })
    expect(await namesOf(caller)).toEqual(['MEMORY.md', 'note.md'])
  })

  rule('readMemory.listsTheFolder', async () => {
    const { caller } = fresh()
    expect(await namesOf(caller)).toEqual([])
    for (const path of ['b.md', 'a.txt', 'deep/c.md', 'memory.md']) await write(caller, path, 'x')
    expect(await harness.request(caller, 'GET', url)).toMatchObject({
      status: 200,
      body: { ok: true, files: ['MEMORY.md', 'a.txt', 'b.md'] },
    })
  })

  rule('readMemory.readsMemoryMdFirst', async () => {
    const { caller, agent } = fresh()
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'memory/MEMORY.md'), { content: 'in the folder' })
    expect(await read(caller, 'memory.MD')).toMatchObject({ body: { path: 'memory.MD', content: 'in the folder' } })
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'MEMORY.md'), { content: 'beside it' })
    expect(await read(caller, 'memory.MD')).toMatchObject({ body: { content: 'beside it' } })
  })

  rule('readMemory.answersTheCleanPath', async () => {
    const { caller } = fresh()
    await write(caller, 'deep/note.md', 'text')
    expect((await read(caller, ' ./deep//x/../note.md ')).body).toEqual({
      ok: true,
      path: 'deep/note.md',
      content: 'text',
    })
  })

  rule('readMemory.answersUnknown404', async () => {
    const { caller } = fresh()
    expect(await read(caller, 'nothing.md')).toMatchObject({ status: 404, body: 'file does not exist\n' })
  })

  rule('writeMemory.writesWhereItIsRead', async () => {
    const { caller, agent } = fresh()
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'memory/MEMORY.md'), { content: 'old' })
    expect(await write(caller, 'Memory.md', 'new')).toMatchObject({
      status: 200,
      body: { ok: true, path: 'Memory.md' },
    })
    expect(await read(caller, 'MEMORY.md')).toMatchObject({ body: { content: 'new' } })
    expect(await namesOf(caller)).toEqual(['MEMORY.md'])
    await write(caller, 'a/b/c.md', 'deep')
    expect(await read(caller, 'a/b/c.md')).toMatchObject({ body: { content: 'deep' } })
  })

  rule('writeMemory.storesMissingContentAsEmpty', async () => {
    const { caller } = fresh()
    await write(caller, 'empty.md')
    expect(await read(caller, 'empty.md')).toMatchObject({ status: 200, body: { content: '' } })
  })

  rule('writeMemory.refusesBadJson', async () => {
    const { caller } = fresh()
    for (const body of ['{"path": "a.md"', '{"path": "a\\u0000b"}'])
      expect(await harness.request(caller, 'POST', url, body)).toMatchObject({ status: 400, body: 'invalid json\n' })
  })

  rule('writeMemory.indexesTheFile', async () => {
    const { caller, agent } = fresh()
    await write(caller, 'keys.md', 'The deploy key lives in the vault.')
    const found = await harness.request(caller, 'POST', `/v1/agents/${agent.id}/memory/search`, { query: 'deploy key' })
    expect(found.body).toMatchObject({ results: [{ path: 'memory/keys.md' }] })
  })

  rule('deleteMemory.deletesWhatIsRead', async () => {
    const { caller, agent } = fresh()
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'MEMORY.md'), { content: 'beside' })
    await harness.request(caller, 'PUT', documentOf(caller, agent.id, 'memory/MEMORY.md'), { content: 'within' })
    expect(await remove(caller, 'MEMORY.md')).toMatchObject({
      status: 200,
      body: { ok: true, deleted: true, path: 'MEMORY.md' },
    })
    expect(await read(caller, 'MEMORY.md')).toMatchObject({ body: { content: 'within' } })
  })

  rule('deleteMemory.answersUnknown404', async () => {
    const { caller } = fresh()
    expect(await remove(caller, 'nothing.md')).toMatchObject({
      status: 404,
      body: 'file does not exist\n',
    })
  })
})

describe(ruleName('writeMemory.cleansPaths'), () => {
  test('steps back stay inside', () => {
    expect(cleanFilePath('a/../b.md')).toBe('b.md')
    for (const path of ['x'.repeat(501), 'a\0b']) expect(() => cleanFilePath(path)).toThrow('invalid path')
  })
  test('a file of the folder may be called like the folder', () => {
    expect(documentPathsOf('memory/x.md')).toEqual(['memory/memory/x.md'])
    expect(fileNamesOf(['memory/memory/x.md', 'other.md'])).toEqual([])
  })
})
