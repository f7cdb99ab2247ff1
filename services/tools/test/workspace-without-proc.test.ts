/** Where there is no /proc, paths are used and what they opened is compared afterwards. */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { contentOf, sandbox, type Sandbox } from './temporary.ts'

// Missing in @types/jest.
interface ModuleMocks {
  unstable_mockModule: (name: string, make: () => object) => void
}
const mocks = import.meta.jest as unknown as ModuleMocks
mocks.unstable_mockModule('node:fs', () => ({ ...fs, existsSync: () => false }))
const { appendFile, changeFile, listFolder, removeFile, withFile, writeFile } =
  await import('../src/workspace/index.ts')

let box: Sandbox
beforeEach(async () => {
  box = await sandbox()
  fs.writeFileSync(join(box.outside, 'secret'), 'SECRET')
})
afterEach(() => box.remove())

test('files are written, changed, listed, read and removed', async () => {
  await writeFile(box.workspace, 'a/b', 'one')
  await appendFile(box.workspace, 'a/b', ' two')
  await changeFile(box.workspace, 'a/b', (old) => `${old} three`)
  fs.symlinkSync('b', join(box.workspace.path, 'a', 'link'))
  expect(await withFile(box.workspace, 'a/link', contentOf)).toBe('one two three')
  expect((await listFolder(box.workspace, 'a')).entries.map(({ name }) => name)).toEqual(['b', 'link'])
  await removeFile(box.workspace, 'a/b')
  expect(fs.readdirSync(join(box.workspace.path, 'a'))).toEqual(['link'])
})

test('what leads outside is refused', async () => {
  fs.symlinkSync(box.outside, join(box.workspace.path, 'folder'))
  fs.symlinkSync(join(box.outside, 'secret'), join(box.workspace.path, 'file'))
  fs.linkSync(join(box.outside, 'secret'), join(box.workspace.path, 'hard'))
  for (const path of ['folder/secret', 'file', 'hard', '../../../outside/secret', join(box.outside, 'secret')]) {
    await expect(withFile(box.workspace, path, contentOf)).rejects.toThrow(/refused/)
    await expect(writeFile(box.workspace, path, 'x')).rejects.toThrow(/refused/)
  }
  expect(fs.readFileSync(join(box.outside, 'secret'), 'utf8')).toBe('SECRET')
})
