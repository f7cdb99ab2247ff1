/** Storage over a real folder: what is listed, read, uploaded, moved and deleted. */
import { existsSync } from 'node:fs'
import { link, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { masterTenantId, type CloudEvent } from '@clawmesh/contracts'
import { consumeEvents } from '../../../test/support/events.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { rule } from '../../../test/support/rule.ts'
import { testCaller } from '../../../test/support/service-harness.ts'
import { fileForm, tenantFiles, type TenantFiles } from './stored-files.ts'
import { startTools, type ToolsHarness } from './support.ts'

let tools: ToolsHarness
let files: TenantFiles
const events: CloudEvent[] = []
beforeAll(async () => {
  tools = await startTools({ storageQuotaMb: 120 })
  await consumeEvents(tools.bus, {
    durable: 'test',
    subject: 'mesh.events.*.tools.storage.>',
    batchSize: 100,
    handle: async (batch) => void events.push(...batch),
  })
})
afterAll(() => tools.stop())
beforeEach(() => {
  files = tenantFiles(tools)
})

const put = async (path: string, content = 'x') => {
  await mkdir(dirname(files.at(path)), { recursive: true })
  await writeFile(files.at(path), content)
}
const paths = async (...asked: Parameters<TenantFiles['list']>) =>
  (await files.list(...asked)).files.map(({ path }) => path)
const read = (path: string, query = '') => files.ask('GET', `/v1/storage/files/${encodeURIComponent(path)}${query}`)
const remove = (path: string) => files.ask('DELETE', `/v1/storage/files/${encodeURIComponent(path)}`)
const move = (from: string, to: string) =>
  files.ask('PUT', `/v1/storage/move?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`)

/** Spellings that no operation takes, and a way on which a link stands. */
const badPaths = [
  'a..b',
  'a/../b',
  'x/..',
  'a\\b',
  'a\u0001b',
  `${'x'.repeat(256)}`,
  `${'y/'.repeat(2_100)}z`,
  '%2e%2e/x',
]
const protectedPaths = ['skills/a', 'SKILLS-store/a', './media/a', '//.media/a', '.uploads/a', 'Tenants/x/a']

describe('the listing', () => {
  rule('listStorageFiles.isRootedInTheTenant', async () => {
    await put('agent/alice/a.txt')
    const { baseDir } = await files.list()
    expect(baseDir).toBe(files.root)
    expect(await paths('agent')).toEqual(['agent/alice', 'agent/alice/a.txt'])
    const master = await tools.request<{ baseDir: string }>(
      testCaller({ tenantId: masterTenantId, tenantSlug: 'master', role: 'viewer' }),
      'GET',
      '/v1/storage/files',
    )
    expect(master.body.baseDir).toBe(tools.workspaceDir)
  })

  rule('listStorageFiles.goesDepthFirst', async () => {
    for (const path of ['b.txt', 'a/z', 'a/b/c', 'c']) await put(path)
    expect(await paths()).toEqual(['a', 'a/b', 'a/b/c', 'a/z', 'b.txt', 'c'])
  })

  rule('listStorageFiles.boundsTheDepth', async () => {
    await put('1/2/3/4/5')
    await mkdir(files.at('1/2/empty'))
    const last = (entries: { path: string; hasChildren?: boolean }[]) =>
      entries.filter(({ path }) => path.split('/').length === 3)
    for (const depth of ['', '&depth=0', '&depth=21', '&depth=no']) {
      const { files: shown } = await files.list('', depth)
      expect(last(shown)).toEqual([
        expect.objectContaining({ path: '1/2/3', hasChildren: true }),
        expect.not.objectContaining({ hasChildren: expect.anything() }),
      ])
      expect(shown).toHaveLength(4)
    }
    expect(await paths('', '&depth=1')).toEqual(['1'])
    expect(await paths('1', '&depth=2')).toEqual(['1/2', '1/2/3', '1/2/empty'])
    expect(await paths('', '&depth=20')).toHaveLength(6)
  })

  rule('listStorageFiles.leavesOutJunk', async () => {
    const junk = [
      '.DS_Store',
      '__MACOSX/a',
      'Thumbs.db',
      '._a',
      'desktop.ini',
      '.Trashes/b',
      `.clawmesh-${'0'.repeat(16)}.tmp`,
    ]
    for (const path of [...junk, 'kept']) await put(path)
    await symlink('kept', files.at('link'))
    await symlink('/', files.at('root'))
    expect(await paths()).toEqual(['kept'])
  })

  rule('listStorageFiles.hidesFolders', async () => {
    for (const path of ['.media/1/a', '.uploads/b', 'tenants/c']) await put(path)
    // Only the master tenant has the folders of others there.
    expect(await paths()).toEqual(['tenants', 'tenants/c'])
    expect(await paths('.media')).toEqual([])
    const master = testCaller({ tenantId: masterTenantId, tenantSlug: 'master', role: 'admin' })
    for (const query of ['', '?path=tenants', '?path=TENANTS', `?path=tenants/${files.caller.tenantSlug}`]) {
      const { body } = await tools.request(master, 'GET', `/v1/storage/files${query}`)
      expect(JSON.stringify(body)).not.toContain(files.caller.tenantSlug)
    }
  })

  rule('listStorageFiles.marksProtected', async () => {
    for (const path of ['Skills/a', 'media/b', 'mine/skills']) await put(path)
    const marked = (await files.list()).files.filter((entry) => entry.protected)
    expect(marked.map(({ path }) => path)).toEqual(['Skills', 'Skills/a', 'media', 'media/b'])
  })

  rule('listStorageFiles.isEmptyForUnknown', async () => {
    expect(await files.list('no/such')).toEqual({ files: [], baseDir: files.root })
  })

  rule('listStorageFiles.boundsTheListing', async () => {
    await mkdir(files.at('many'), { recursive: true })
    const names = Array.from({ length: 20_050 }, (_, index) => `f${index}`)
    for (let index = 0; index < names.length; index += 500)
      await Promise.all(names.slice(index, index + 500).map((name) => writeFile(files.at('many', name), '')))
    expect(await paths()).toHaveLength(20_000)
  })
})

describe('paths that are refused', () => {
  beforeEach(async () => {
    await put('kept')
    await mkdir(files.at('real'), { recursive: true })
    await writeFile(files.at('real/inside'), 'x')
    await symlink('real', files.at('link'))
  })
  const refuses = async (ask: (path: string) => Promise<{ status: number }>, linked = ['link/inside', 'link']) => {
    for (const path of [...badPaths, ...linked]) {
      const { status } = await ask(path)
      expect([path.slice(0, 20), status]).toEqual([path.slice(0, 20), 400])
    }
    expect(await readdir(files.root)).toEqual(['kept', 'link', 'real'])
    expect(await readdir(files.at('real'))).toEqual(['inside'])
  }

  rule('listStorageFiles.refusesPaths', () =>
    refuses((path) => files.ask('GET', `/v1/storage/files?path=${encodeURIComponent(path)}`)),
  )
  rule('uploadStorageFile.refusesPaths', () => refuses((path) => files.upload('a.txt', 'x', path), ['link', 'link/x']))
  rule('readStorageFile.refusesPaths', () => refuses((path) => read(path)))
  // The link itself may go.
  rule('deleteStorageFile.refusesPaths', () => refuses((path) => remove(path), ['link/inside']))
  rule('moveStorageFile.refusesPaths', async () => {
    await refuses((path) => move(path, 'moved'))
    await refuses((path) => move('kept', path))
  })
})

describe('an upload', () => {
  rule('uploadStorageFile.makesFolders', async () => {
    const { status, body } = await files.upload('a.txt', 'hello', '/new/./folder/')
    expect([status, body]).toEqual([200, { path: 'new/folder/a.txt', filename: 'a.txt', size: 5 }])
    expect(await readFile(files.at('new/folder/a.txt'), 'utf8')).toBe('hello')
    const modes = await Promise.all(['new', 'new/folder', 'new/folder/a.txt'].map((path) => stat(files.at(path))))
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o700, 0o600])
  })

  rule('uploadStorageFile.keepsTheLastName', async () => {
    expect((await files.upload('C:/there/../b.txt', 'x')).body.filename).toBe('b.txt')
    for (const name of ['', '.', '..', '/', 'a..b', 'x/..'])
      expect([name, (await files.upload(name, 'x')).status]).toEqual([name, 400])
    expect(await paths()).toEqual(['b.txt'])
  })

  rule('uploadStorageFile.refusesPrograms', async () => {
    for (const extension of ['exe', 'SH', 'bat', 'Cmd', 'ps1', 'com', 'msi', 'scr'])
      expect((await files.upload(`a.${extension}`, 'x')).status).toBe(400)
    expect((await files.upload('sh', 'x')).status).toBe(200)
  })

  rule('uploadStorageFile.protectsFolders', async () => {
    for (const path of protectedPaths)
      expect([path, (await files.upload('a', 'x', dirname(path))).status]).toEqual([path, 403])
    expect((await files.upload('skills', 'x')).status).toBe(403)
    expect((await files.upload('a', 'x', 'mine/skills')).status).toBe(200)
  })

  rule('uploadStorageFile.replacesFiles', async () => {
    await put('target', 'TARGET')
    await symlink('target', files.at('a.txt'))
    await files.upload('a.txt', 'first')
    await files.upload('a.txt', 'second')
    expect(await readFile(files.at('a.txt'), 'utf8')).toBe('second')
    expect(await readFile(files.at('target'), 'utf8')).toBe('TARGET')
    await mkdir(files.at('folder'))
    expect((await files.upload('folder', 'x')).status).toBe(400)
    // Half a form: what was there stays, and nothing is left over.
    const { body, headers } = fileForm('a.txt', 'third and more')
    expect((await files.ask('POST', '/v1/storage/files', body.subarray(0, -40), headers)).status).toBe(400)
    expect(await readFile(files.at('a.txt'), 'utf8')).toBe('second')
    expect(await readdir(files.root)).toEqual(['a.txt', 'folder', 'target'])
  })

  rule('uploadStorageFile.boundsTheForm', async () => {
    const { status } = await files.upload('large.bin', Buffer.alloc(52_428_800))
    expect(status).toBe(413)
    expect(existsSync(files.root) ? await readdir(files.root) : []).toEqual([])
  })

  rule('uploadStorageFile.keepsToTheQuota', async () => {
    const large = Buffer.alloc(50_000_000)
    await put('from-before', 'x'.repeat(30_000_000))
    expect((await files.upload('1.bin', large)).status).toBe(200)
    const refused = await files.upload('2.bin', large)
    expect([refused.status, refused.body]).toEqual([
      429,
      expect.objectContaining({ code: 'RESOURCE_EXHAUSTED', retryable: false }),
    ])
    expect(await paths()).toEqual(['1.bin', 'from-before'])
    // What was refused is not counted.
    expect((await files.upload('3.bin', large.subarray(0, 40_000_000))).status).toBe(200)
    expect((await tenantFiles(tools).upload('of-another.bin', large)).status).toBe(200)
    // What is replaced or deleted makes room at once.
    expect((await files.upload('3.bin', large.subarray(0, 1_000_000))).status).toBe(200)
    expect((await files.upload('4.bin', large.subarray(0, 40_000_000))).status).toBe(200)
    expect((await files.upload('5.bin', large)).status).toBe(429)
    expect((await files.ask('DELETE', '/v1/storage/files/1.bin')).status).toBe(200)
    expect((await files.upload('5.bin', large)).status).toBe(200)
  })
})

describe('reading', () => {
  rule('readStorageFile.readsText', async () => {
    await mkdir(files.root, { recursive: true })
    await writeFile(files.at('a.txt'), Buffer.from([0x68, 0xff, 0x69]))
    expect((await read('a.txt')).body).toEqual({ content: 'h\ufffdi', path: 'a.txt', size: 3 })
  })

  rule('readStorageFile.takesEncodedSlashes', async () => {
    await put('a/b c/d%.txt', 'deep')
    for (const path of ['a/b%20c/d%25.txt', 'a%2Fb%20c%2fd%25.txt'])
      expect((await files.ask('GET', `/v1/storage/files/${path}`)).body).toMatchObject({ content: 'deep' })
  })

  rule('readStorageFile.sendsBytes', async () => {
    await put('a.txt', 'hello')
    const { body, headers } = await read('a.txt', '?raw=true')
    expect(body).toBe('hello')
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'private, max-age=300',
      'content-length': '5',
      'content-type': 'text/plain; charset=utf-8',
    })
    expect(headers.get('content-disposition')).toMatch(/^inline/)
  })

  rule('readStorageFile.offersDownloads', async () => {
    await put('ä "x".txt', 'hello')
    for (const query of ['?download=true', '?raw=true&download=true']) {
      const { body, headers } = await read('ä "x".txt', query)
      expect(body).toBe('hello')
      expect(headers.get('content-disposition')).toBe(
        `attachment; filename="_ _x_.txt"; filename*=UTF-8''%C3%A4%20%22x%22.txt`,
      )
    }
  })

  rule('readStorageFile.listsTheRoot', async () => {
    await put('a.txt')
    expect((await files.ask('GET', '/v1/storage/files/')).body).toEqual(await files.list())
  })

  rule('readStorageFile.answersUnknown404', async () => {
    await put('folder/a.txt')
    for (const path of ['folder', 'none', 'folder/a.txt/x'])
      for (const query of ['', '?raw=true']) expect((await read(path, query)).status).toBe(404)
  })

  rule('readStorageFile.boundsTheText', async () => {
    await put('large', 'x'.repeat(52_428_801))
    expect((await read('large')).status).toBe(400)
    const response = await tools.fetch(files.caller, '/v1/storage/files/large?raw=true')
    expect((await response.arrayBuffer()).byteLength).toBe(52_428_801)
  })
})

describe('deleting and moving', () => {
  const outside = () => join(tools.workspaceDir, 'outside')

  rule('deleteStorageFile.removesFolders', async () => {
    await put('folder/a/b')
    await put('kept')
    await mkdir(outside(), { recursive: true })
    await writeFile(join(outside(), 'precious'), 'x')
    await symlink(outside(), files.at('folder/a/link'))
    await symlink(outside(), files.at('link'))
    expect((await remove('folder')).body).toEqual({ status: 'deleted' })
    expect((await remove('link')).status).toBe(200)
    expect(await readdir(files.root)).toEqual(['kept'])
    expect(await readdir(outside())).toEqual(['precious'])
  })

  rule('deleteStorageFile.protectsFolders', async () => {
    await put('media/a')
    for (const path of [...protectedPaths, 'media', './skills', '/tenants'])
      expect([path, (await files.ask('DELETE', `/v1/storage/files/${path.replaceAll('/', '%2F')}`)).status]).toEqual([
        path,
        403,
      ])
    expect(existsSync(files.at('media/a'))).toBe(true)
  })

  rule('deleteStorageFile.answersUnknown404', async () => {
    expect((await remove('none')).status).toBe(404)
    for (const path of ['/v1/storage/files/', '/v1/storage/files', '/v1/storage/files/.', '/v1/storage/files/%2F'])
      expect([path, (await files.ask('DELETE', path)).status]).toEqual([path, 400])
  })

  rule('deleteStoragePath.isTheSame', async () => {
    await put('a/b')
    expect((await files.ask('DELETE', '/v1/storage/a/b')).body).toEqual({ status: 'deleted' })
    expect(await readdir(files.at('a'))).toEqual([])
    expect((await files.ask('DELETE', '/v1/storage/media')).status).toBe(403)
    expect((await files.ask('DELETE', '/v1/storage/none')).status).toBe(404)
  })

  rule('deleteStoragePath.meansTheRoot', async () => {
    await put('files/a')
    for (const path of ['/v1/storage/files', '/v1/storage/files/'])
      expect((await files.ask('DELETE', path)).status).toBe(400)
    expect(existsSync(files.at('files/a'))).toBe(true)
    expect((await files.ask('DELETE', '/v1/storage/files/files')).status).toBe(200)
  })

  rule('moveStorageFile.takesQueryOrBody', async () => {
    await put('a')
    expect((await move('a', 'b')).body).toEqual({ from: 'a', to: 'b' })
    expect((await files.ask('PUT', '/v1/storage/move', { from: 'b', to: 'c' })).status).toBe(200)
    expect((await files.ask('PUT', '/v1/storage/move?from=c&to=d', { from: 'x', to: 'y' })).status).toBe(200)
    expect((await files.ask('PUT', '/v1/storage/move?from=d', { to: 'e' })).status).toBe(200)
    expect((await files.ask('PUT', '/v1/storage/move?from=e')).status).toBe(400)
    expect(await readdir(files.root)).toEqual(['e'])
  })

  rule('moveStorageFile.makesFolders', async () => {
    await put('a', 'A')
    await put('folder/b', 'B')
    await move('a', 'new/deep/a')
    await move('folder', 'new/folder')
    expect(await paths('', '&depth=9')).toEqual(['new', 'new/deep', 'new/deep/a', 'new/folder', 'new/folder/b'])
    expect(await readFile(files.at('new/folder/b'), 'utf8')).toBe('B')
  })

  rule('moveStorageFile.overwritesNothing', async () => {
    await put('a', 'A')
    await put('b', 'B')
    await put('folder/c')
    await mkdir(files.at('empty'))
    for (const [from, to] of [
      ['a', 'b'],
      ['a', 'folder'],
      ['a', 'empty'],
      ['folder', 'empty'],
      ['folder', 'b'],
      ['a', 'a'],
      ['a', 'b/x'],
    ])
      expect([from, to, (await move(from!, to!)).status]).toEqual([from, to, 409])
    expect((await move('none', 'x')).status).toBe(404)
    expect((await move('folder', 'folder/inside')).status).toBe(400)
    expect(await readFile(files.at('b'), 'utf8')).toBe('B')
    // A second name of a file could be somebody else's.
    await link(files.at('a'), files.at('hard'))
    expect((await move('hard', 'moved')).status).toBe(400)
  })

  rule('moveStorageFile.protectsFolders', async () => {
    await put('a')
    await put('skills/b')
    for (const path of protectedPaths) expect((await move('a', path)).status).toBe(403)
    expect((await move('skills/b', 'b')).status).toBe(403)
    expect((await move('SKILLS', 'b')).status).toBe(403)
  })
})

describe('the size', () => {
  const size = async (accept = 'text/event-stream') => {
    const { body } = await files.ask<string>('GET', '/v1/storage/size', undefined, { accept })
    return body
  }
  const frames = async () =>
    (await size())
      .split('\n\n')
      .filter((frame) => frame.startsWith('data: '))
      .map((frame) => JSON.parse(frame.slice(6)) as Record<string, unknown>)

  rule('streamStorageSize.streamsTheCount', async () => {
    await Promise.all(Array.from({ length: 120 }, (_, index) => put(`folder/${index}`, 'ten bytes.')))
    const seen = await frames()
    const counts = seen.filter((frame) => 'current' in frame).map(({ files: count }) => Number(count))
    // On a slow machine the 200 ms tell of some more.
    expect(counts.length).toBeGreaterThanOrEqual(2)
    expect([...counts, 120].map((count, at) => count - (counts[at - 1] ?? 0)).filter((step) => step > 50)).toEqual([])
    expect(seen.at(-1)).toEqual({ total: 1_200, files: 120, done: true, cached: false })
    expect(await size()).not.toContain('event:')
  })

  rule('streamStorageSize.keepsTheCount', async () => {
    await put('a', '12345')
    const total = async () => (await frames()).map(({ total: bytes, cached }) => [bytes, cached])
    expect(await total()).toEqual([[5, false]])
    await put('unseen', '1')
    expect(await total()).toEqual([[5, true]])
    const changes: [() => Promise<unknown>, number][] = [
      [() => files.upload('b', '123'), 9],
      [() => move('b', 'c'), 9],
      [() => remove('c'), 6],
    ]
    for (const [change, expected] of changes) {
      await change()
      expect(await total()).toEqual([[expected, false]])
      expect(await total()).toEqual([[expected, true]])
    }
  })

  rule('streamStorageSize.leavesOutJunk', async () => {
    for (const path of ['kept', '.DS_Store', '__MACOSX/a', '.media/x/y']) await put(path)
    await symlink('kept', files.at('link'))
    expect((await frames()).at(-1)).toMatchObject({ total: 1, files: 1 })
  })

  rule('streamStorageSize.answersJson', async () => {
    await put('a')
    expect(await size('application/json')).toEqual({ total: 1, files: 1, done: true, cached: false })
  })

  rule('streamStorageSize.keepsNothingCutShort', async () => {
    await Promise.all(Array.from({ length: 400 }, (_, index) => put(`d${index}/f`)))
    const abort = new AbortController()
    await tools.requestAborting(files.caller, 'GET', '/v1/storage/size', undefined, {
      signal: abort.signal,
      heard: () => abort.abort(),
    })
    expect((await frames()).at(-1)).toMatchObject({ files: 400, cached: false })
  })
})

/** The one event that a tenant has had. */
const recorded = async (verb: string, data: object) => {
  const found = await eventually('the event', async () =>
    events.find(({ tenantid }) => tenantid === files.caller.tenantId),
  )
  expect(found).toMatchObject({ type: `clawmesh.tools.storage.${verb}`, data: { ...data, actorId: 'alice' } })
}

rule('uploadStorageFile.recounts', async () => {
  await files.upload('a', 'x')
  await recorded('uploaded', { id: 'a' })
})
rule('deleteStorageFile.recounts', async () => {
  await put('b')
  await remove('./b')
  await recorded('deleted', { id: 'b' })
})
rule('moveStorageFile.recounts', async () => {
  await put('c')
  await move('c', 'd')
  await recorded('moved', { id: 'c', to: 'd' })
})

test('a link stays a link where its folder is moved', async () => {
  await put('folder/a')
  await symlink('a', files.at('folder/link'))
  await move('folder', 'other')
  expect(await readlink(files.at('other/link'))).toBe('a')
})
