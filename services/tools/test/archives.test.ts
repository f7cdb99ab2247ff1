/** The files of an agent, on a real disk, out of its workspace and into another. */
import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serviceCaller, type Call } from '@clawmesh/chassis'
import { rule } from '../../../test/support/rule.ts'
import { createArchiveRpc } from '../src/archives/rpc.ts'
import { createLocalStore } from '../src/store/local-store.ts'
import type { FileStore } from '../src/store/store.ts'
import { sandbox, type Sandbox } from './temporary.ts'

const call: Call = { caller: serviceCaller(), requestId: 'r', signal: new AbortController().signal }
const owner = { agentKey: 'helper', workspace: '' }

const boxes: Sandbox[] = []
afterAll(() => Promise.all(boxes.map(({ remove }) => remove())))

const open = async () => {
  const box = await sandbox()
  boxes.push(box)
  const { base } = box.workspace
  const rpc = createArchiveRpc(base, createLocalStore())
  const files = async () => {
    const found = new Map<string, Buffer>()
    let path = ''
    for await (const { part } of rpc.readFiles(call, { owner })) {
      if (part?.$case === 'head') {
        path = part.value.path
        found.set(path, Buffer.alloc(0))
      } else found.set(path, Buffer.concat([found.get(path)!, part!.value]))
    }
    return found
  }
  const write = async (path: string, content: Buffer, fileId = randomUUID()) => {
    const half = Math.floor(content.length / 2)
    if (half > 0)
      await rpc.writeFilePiece(call, { owner, path, fileId, offset: 0, data: content.subarray(0, half), last: false })
    return rpc.writeFilePiece(call, { owner, path, fileId, offset: half, data: content.subarray(half), last: true })
  }
  return { base, rpc, files, write, folder: join(base, 'helper') }
}

test('what was written piece by piece is read again, whole', async () => {
  const { files, write, folder } = await open()
  const content = randomBytes(400_001)
  expect(await write('alice/a/b.bin', content)).toEqual({ written: true })
  expect(await write('memory/empty', Buffer.alloc(0))).toEqual({ written: true })
  expect(await files()).toEqual(
    new Map([
      ['alice/a/b.bin', content],
      ['memory/empty', Buffer.alloc(0)],
    ]),
  )
  expect((await stat(join(folder, 'alice/a/b.bin'))).mode & 0o777).toBe(0o600)
  expect(await readdir(join(folder, 'alice/a'))).toEqual(['b.bin'])
})

test('a file that is there stays', async () => {
  const { write, folder } = await open()
  await write('x.txt', Buffer.from('first'))
  expect(await write('x.txt', Buffer.from('second'))).toEqual({ written: false })
  expect(await readFile(join(folder, 'x.txt'), 'utf8')).toBe('first')
})

const fill = async (folder: string) => {
  await mkdir(join(folder, '.hidden'), { recursive: true })
  await writeFile(join(folder, 'seen.txt'), 'seen')
  await writeFile(join(folder, '.secret'), 'x')
  await writeFile(join(folder, '.hidden/x'), 'x')
  await symlink('/etc/passwd', join(folder, 'link'))
  await symlink('/etc', join(folder, 'folder'))
  await writeFile(join(folder, 'first'), 'x')
  await link(join(folder, 'first'), join(folder, 'second'))
  await writeFile(join(folder, 'large'), '')
  await truncate(join(folder, 'large'), 50 * 1024 * 1024 + 1)
}
rule('exportAgent.leavesOutWhatIsHidden', async () => {
  const { files, folder } = await open()
  await fill(folder)
  expect(await files()).toEqual(new Map([['seen.txt', Buffer.from('seen')]]))
})
rule('previewAgentExport.countsPlainFiles', async () => {
  const { rpc, folder } = await open()
  expect(await rpc.countFiles(call, { owner })).toEqual({ files: 0, bytes: 0 })
  await fill(folder)
  expect(await rpc.countFiles(call, { owner })).toEqual({ files: 1, bytes: 4 })
})

test('paths that lead elsewhere, hidden ones and pieces that do not follow are refused', async () => {
  const { rpc, write, base, folder } = await open()
  await mkdir(folder, { recursive: true })
  await symlink(base, join(folder, 'out'))
  for (const path of ['../x', '/x', 'a/../../x', '.x', 'a/.x', 'out/x', 'a\\b', ''])
    await expect(write(path, Buffer.from('x'))).rejects.toThrow()
  const piece = { owner, path: 'x', fileId: randomUUID(), data: Buffer.from('x'), last: true }
  await expect(rpc.writeFilePiece(call, { ...piece, offset: 7 })).rejects.toThrow()
  const begun = { ...piece, path: 'y', last: false }
  await rpc.writeFilePiece(call, { ...begun, offset: 0 })
  await expect(rpc.writeFilePiece(call, { ...begun, offset: 2 })).rejects.toThrow()
  await expect(
    rpc.writeFilePiece(call, { ...piece, offset: 0, owner: { agentKey: 'x', workspace: '../../y' } }),
  ).rejects.toThrow()
  expect((await readdir(base)).toSorted()).toEqual(['helper', 'writer'])
  expect((await readdir(folder)).filter((name) => !name.startsWith('.'))).toEqual(['out'])
})

test('a file of which a piece has gone meanwhile is not written', async () => {
  const { rpc, folder } = await open()
  const piece = { owner, path: 'x', fileId: randomUUID(), data: Buffer.from('x'), last: false }
  for (const offset of [0, 1, 2]) await rpc.writeFilePiece(call, { ...piece, offset })
  const [kept = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tmp'))
  const [first = ''] = (await readdir(join(folder, kept))).toSorted()
  await rm(join(folder, kept, first))
  await expect(rpc.writeFilePiece(call, { ...piece, offset: 3, last: true })).rejects.toThrow()
  expect(await readdir(folder)).toEqual([])
})

test('a file that a command has closed is left out, and the others are read', async () => {
  const closed: FileStore = {
    ...createLocalStore(),
    open: (root, names, use) =>
      names.at(-1) === 'closed'
        ? Promise.reject(Object.assign(new Error(), { code: 'EACCES' }))
        : local.open(root, names, use),
  }
  const local = createLocalStore()
  const box = await sandbox()
  boxes.push(box)
  await mkdir(join(box.workspace.base, 'helper'), { recursive: true })
  for (const name of ['a', 'closed', 'z']) await writeFile(join(box.workspace.base, 'helper', name), 'x')
  const rpc = createArchiveRpc(box.workspace.base, closed)
  expect(await rpc.countFiles(call, { owner })).toEqual({ files: 2, bytes: 2 })
})
