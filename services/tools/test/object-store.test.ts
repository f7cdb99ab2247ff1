/** Files of tenants and of agents in object storage: what holds on the disk holds there, among replicas too. */
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eachWithin, openBucket } from '@clawmesh/chassis/bucket'
import { WorkspacesServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/workspaces.ts'
import { keptConnections } from '../../../test/support/limits.ts'
import { fakeS3, type FakeS3 } from '../../../test/fakes/s3.ts'
import { createObjectStore } from '../src/store/object-store.ts'
import type { StoredFile, Workspace } from '../src/workspace/types.ts'
import { contentOf } from './temporary.ts'
import { fileForm, tenantFiles, type TenantFiles } from './stored-files.ts'
import { startTools, type ToolsHarness } from './support.ts'

let s3: FakeS3
let tools: ToolsHarness
let files: TenantFiles

/** A real server may stand in for the fake: `S3_TEST_URL=http://key:secret@host:port/bucket`. */
const given = process.env['S3_TEST_URL']
const serverOf = (fake: FakeS3) => {
  if (given === undefined) return fake
  const { username, password, pathname, origin } = new URL(given)
  return {
    url: origin,
    bucket: pathname.slice(1),
    accessKeyId: username,
    secretAccessKey: decodeURIComponent(password),
  }
}
const prefix = `t-${randomUUID()}/`
const storeOn = (more: Partial<FakeS3> = {}) => {
  const { url, bucket, accessKeyId, secretAccessKey } = { ...serverOf(s3), ...more }
  return createObjectStore(
    openBucket({
      name: bucket,
      endpoint: url,
      region: 'us-east-1',
      accessKeyId,
      secretAccessKey,
      sessionToken: '',
      pathStyle: true,
      prefix,
    }),
  )
}

beforeAll(async () => {
  s3 = await fakeS3()
  const { url, bucket, accessKeyId, secretAccessKey } = serverOf(s3)
  tools = await startTools({
    s3Bucket: bucket,
    s3Endpoint: url,
    s3AccessKeyId: accessKeyId,
    s3SecretAccessKey: secretAccessKey,
    s3Prefix: prefix,
    storageQuotaMb: 60,
    execOnHost: true,
  })
})
afterAll(async () => {
  await tools.stop()
  await s3.stop()
})
beforeEach(() => {
  files = tenantFiles(tools)
  tools.addAgent(files.caller.tenantId, {})
})

const use = (tool: string, args: object) => tools.invoke(files.caller, { tool, args })
const output = async (tool: string, args: object): Promise<string> => {
  const { status, body } = await use(tool, args)
  return status === 200 ? body.result.output : body.error
}
const bytes = async (file: StoredFile) => Buffer.from(await contentOf(file))
const root: Workspace = { base: '/base', path: '/base/writer' }

test('tools write, change, list and read files that every replica sees', async () => {
  await use('write_file', { path: 'notes/a 100%?.txt', content: 'one\n' })
  await use('write_file', { path: 'notes/a 100%?.txt', content: 'two\n', append: true })
  await use('edit', { path: 'notes/a 100%?.txt', old_string: 'two', new_string: '三' })
  expect(await output('read_file', { path: 'notes/a 100%?.txt' })).toContain('one\n三')
  expect(await output('list_files', { path: '.' })).toBe('[DIR]  notes/')
  expect(await output('list_files', { path: 'notes' })).toBe('[FILE] a 100%?.txt (8 bytes)')
  expect(await output('read_file', { path: 'none' })).toMatch(/no such file or folder/)
  expect(await output('read_file', { path: 'notes' })).toMatch(/is a folder/)
  expect(await output('list_files', { path: 'notes/a 100%?.txt' })).toMatch(/is a file, not a folder/)
  expect(await output('write_file', { path: 'notes', content: 'x' })).toMatch(/is a directory/)
  expect(await output('write_file', { path: 'notes/a 100%?.txt/b', content: 'x' })).toMatch(/a file stands on it/)
  const listed = await files.list('default/alice', '&depth=3')
  expect(listed.files.map(({ path }) => path)).toEqual(['default/alice/notes', 'default/alice/notes/a 100%?.txt'])
})

test('names of the system are refused to tools', async () => {
  for (const path of ['config.json', 'Memory.db', '.media/x', 'delegate/x'])
    expect(await output('write_file', { path, content: 'x' })).toMatch(/not for tools|refused/)
  expect(await output('read_file', { path: `${'d/'.repeat(600)}x` })).toMatch(/too long/)
})

test('commands say that they need the files on a disk', async () => {
  expect(await output('exec', { command: 'ls' })).toMatch(/kept in object storage, not on a disk/)
})

test('uploads, ranges, moves and removals of storage', async () => {
  const large = randomBytes(11_000_000)
  expect(await files.upload('big.bin', large, 'up')).toMatchObject({ status: 200, body: { size: large.length } })
  expect((await files.upload('small.txt', '0123456789', 'up')).status).toBe(200)
  const part = await files.ask<string>('GET', '/v1/files/up/small.txt', undefined, { range: 'bytes=2-4' })
  expect([part.status, part.body, part.headers.get('content-range')]).toEqual([206, '234', 'bytes 2-4/10'])
  const etag = part.headers.get('etag')!
  expect((await files.ask('GET', '/v1/files/up/small.txt', undefined, { 'if-none-match': etag })).status).toBe(304)
  expect((await files.ask('PUT', '/v1/storage/move?from=up&to=down/deep')).status).toBe(200)
  expect((await files.ask('PUT', '/v1/storage/move?from=down&to=down/deep/x')).status).toBe(400)
  expect((await files.list('down', '&depth=3')).files.map(({ path, size }) => [path, size])).toEqual([
    ['down/deep', 0],
    ['down/deep/big.bin', large.length],
    ['down/deep/small.txt', 10],
  ])
  await files.upload('other.txt', 'x')
  expect((await files.ask('PUT', '/v1/storage/move?from=other.txt&to=down/deep/small.txt')).status).toBe(409)
  expect((await files.ask('DELETE', '/v1/storage/down')).status).toBe(200)
  expect((await files.list()).files.map(({ path }) => path)).toEqual(['other.txt'])
  const stored = await storeOn().open({ base: tools.workspaceDir, path: files.root }, ['other.txt'], bytes)
  expect(stored?.toString()).toBe('x')
})

test('a quota holds, and nothing of what does not fit is kept', async () => {
  const size = 40_000_000
  expect((await files.upload('a.bin', Buffer.alloc(size))).status).toBe(200)
  expect((await files.upload('b.bin', Buffer.alloc(size))).status).toBe(429)
  expect((await files.list()).files.map(({ path }) => path)).toEqual(['a.bin'])
  if (given === undefined) expect([...s3.uploads]).toEqual([])
})

test('another tenant sees nothing of it', async () => {
  await files.upload('mine.txt', 'SECRET')
  const other = tenantFiles(tools)
  expect((await other.list()).files).toEqual([])
  for (const path of ['mine.txt', `${files.root}/mine.txt`.slice(1), `tenants/${files.caller.tenantSlug}/mine.txt`])
    expect((await other.ask('GET', `/v1/files/${path}`)).status).toBe(404)
})

test('changes of one file by several replicas all come through, and a new file replaces none', async () => {
  const replicas = [storeOn(), storeOn()]
  const append = (line: string, index: number) =>
    replicas[index % 2]!.files.changeFile(root, 'log', (old = '') => `${old}${line}\n`)
  // Two writers that alternate: the loser of each race makes its change anew.
  await append('0', 0)
  await Promise.all([append('1', 0), append('2', 1)])
  const content = await replicas[0]!.files.withFile(root, 'log', contentOf)
  expect(content.split('\n').toSorted()).toEqual(['', '0', '1', '2'])
  const limits = { maxBytes: 100, isNew: true }
  expect(await replicas[0]!.put(root, ['new'], [Buffer.from('a')], limits)).toBe(1)
  await expect(replicas[1]!.put(root, ['new'], [Buffer.from('b')], limits)).rejects.toMatchObject({ code: 'EEXIST' })
})

test('every name that a disk takes is found under itself', async () => {
  const store = storeOn()
  const names = ["it's (a) *star*!", 'a+b&c=d', '#x', '<"q">', 'ü😀', '..;', 'a%2f', '%3F?', ' x ']
  for (const name of names) await store.put(root, ['names', name], [Buffer.from(name)], { maxBytes: 100 })
  expect((await store.list(root, ['names'])).map(({ name }) => name)).toEqual(names.toSorted())
  for (const name of names) expect(await store.open(root, ['names', name], contentOf)).toBe(name)
  expect(await store.move(root, ['names'], ['moved'])).toBe('moved')
  expect(await store.list(root, ['moved'])).toHaveLength(names.length)
})

test('archives are read and written there, piece by piece', async () => {
  const rpc = tools.rpc(WorkspacesServiceService)
  const call = tools.call(files.caller)
  const owner = { agentKey: 'helper', workspace: '' }
  const fileId = randomUUID()
  const piece = (offset: number, data: string, last: boolean) =>
    rpc.writeFilePiece(call, { owner, path: 'a/b.txt', fileId, offset, data: Buffer.from(data), last })
  await piece(0, 'first ', false)
  await expect(piece(3, 'x', false)).rejects.toThrow()
  expect(await piece(6, 'second', true)).toEqual({ written: true })
  expect(await piece(0, 'again', true)).toEqual({ written: false })
  expect(await rpc.countFiles(call, { owner })).toEqual({ files: 1, bytes: 12 })
  const parts: string[] = []
  for await (const { part } of rpc.readFiles(call, { owner }))
    parts.push(part?.$case === 'head' ? part.value.path : Buffer.from(part!.value).toString())
  expect(parts).toEqual(['a/b.txt', 'first second'])
})

const onFake = given === undefined ? test : test.skip

onFake('a file that changes between looking and writing is changed as it then is', async () => {
  const { files: mine } = storeOn()
  await mine.writeFile(root, 'raced', 'a')
  s3.beforeWrite(`${prefix}writer/raced`, () =>
    s3.objects.set(`${prefix}writer/raced`, { bytes: Buffer.from('b'), etag: '"other"', modifiedAt: new Date() }),
  )
  await mine.changeFile(root, 'raced', (old) => `${old}!`)
  expect(await mine.withFile(root, 'raced', contentOf)).toBe('b!')
})

onFake('what is read is of one version, or fails', async () => {
  const store = storeOn()
  await store.put(root, ['v'], [Buffer.from('first')], { maxBytes: 100 })
  const reading = store.open(root, ['v'], async (file) => {
    await store.put(root, ['v'], [Buffer.from('other')], { maxBytes: 100 })
    return bytes(file)
  })
  await expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

onFake('a server that does not answer, or knows no such key, is no empty folder', async () => {
  const store = storeOn()
  s3.fail(503)
  await expect(store.list(root, [])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  s3.fail(503)
  await expect(store.find(root, ['x'])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(storeOn({ secretAccessKey: 'wrong' }).list(root, [])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

onFake('a connection that breaks in the middle of a file is no end of it', async () => {
  const store = storeOn()
  await store.put(root, ['long'], [Buffer.alloc(100_000, 'x')], { maxBytes: 1e9 })
  s3.cut()
  await expect(store.open(root, ['long'], bytes)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect((await store.open(root, ['long'], bytes))!.length).toBe(100_000)
})

/** A server that says so much and then nothing more. */
const silentAfter = async (head: string | undefined) => {
  const server = createServer(keptConnections, (request, response) => {
    request.resume()
    if (head === undefined) return
    response.writeHead(206, { 'content-length': '100', etag: '"v"', 'last-modified': new Date(0).toUTCString() })
    response.write(head)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bucket = openBucket({
    ...{ name: 'b', endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, region: 'us-east-1' },
    ...{ accessKeyId: 'k', secretAccessKey: 's', sessionToken: '', pathStyle: true, prefix: '', answerMs: 300 },
  })
  return {
    bucket,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
test('a server that is silent is waited for so long, and no longer', async () => {
  await using silent = await silentAfter(undefined)
  const { bucket } = silent
  const pieces = async function* () {
    yield Buffer.alloc(10)
  }
  const asked = await Promise.allSettled([
    bucket.find('a'),
    bucket.write('a', Buffer.from('x')),
    bucket.writeParts('a', pieces()),
    bucket.copy('a', 'b'),
    bucket.remove('a'),
    Array.fromAsync(bucket.read('a', 'v', 0, 99)),
    Array.fromAsync(bucket.under('a')),
    Array.fromAsync(bucket.level('a')),
  ])
  expect(asked.map((each) => each.status === 'rejected' && each.reason)).toEqual(
    asked.map(() => expect.objectContaining({ code: 'UNAVAILABLE' })),
  )
})

test('a file whose pieces stop coming fails, and one whose reader takes its time does not', async () => {
  await using stuck = await silentAfter('half')
  const reading = Array.fromAsync(stuck.bucket.read('a', 'v', 0, 99))
  await expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const pieces = async function* () {
    yield 1
    yield 2
  }
  const seen: number[] = []
  for await (const piece of eachWithin(10, pieces())) {
    await new Promise((passed) => setTimeout(passed, 30))
    seen.push(piece)
  }
  expect(seen).toEqual([1, 2])
})

onFake('an upload that breaks off leaves nothing', async () => {
  const broken = async function* () {
    yield Buffer.alloc(6_000_000)
    yield Buffer.alloc(6_000_000)
    throw new Error('the client left')
  }
  await expect(storeOn().put(root, ['cut'], broken(), { maxBytes: 1e9 })).rejects.toThrow('the client left')
  expect(await storeOn().find(root, ['cut'])).toBeUndefined()
  expect([...s3.uploads]).toEqual([])
})

onFake('a form in the name of a folder is not taken for a file', async () => {
  const { body, headers } = fileForm('down', 'x')
  await files.upload('x.txt', 'x', 'down')
  expect((await files.ask('POST', '/v1/storage/files', body, headers)).status).toBe(400)
})
