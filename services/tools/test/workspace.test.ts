import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, link, mkdir, readdir, readFile, rm, stat, symlink, writeFile as put } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError } from '@clawmesh/contracts'
import fc from 'fast-check'
import {
  appendFile,
  changeFile,
  countFiles,
  listFolder,
  relativeNames,
  removeFile,
  withFile,
  writeFile,
  type Workspace,
} from '../src/workspace/index.ts'
import { isDenied } from '../src/workspace/denied.ts'
import { contentOf, sandbox, type Sandbox } from './temporary.ts'

let box: Sandbox
let workspace: Workspace
let at: (...names: string[]) => string

beforeEach(async () => {
  box = await sandbox()
  workspace = box.workspace
  at = (...names) => join(workspace.path, ...names)
  await put(join(box.outside, 'secret.txt'), 'SECRET')
})

afterEach(() => box.remove())

const read = (path: string): Promise<string> => withFile(workspace, path, contentOf)
const refused = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof MeshError)) throw new Error(`expected a refusal, got ${String(error)}`)
  expect(error.code).toBe('TOOL_ERROR')
  return error.message
}

const uses: Record<string, (path: string) => Promise<unknown>> = {
  read,
  write: (path) => writeFile(workspace, path, 'x'),
  append: (path) => appendFile(workspace, path, 'x'),
  change: (path) => changeFile(workspace, path, () => 'x'),
  remove: (path) => removeFile(workspace, path),
  list: (path) => listFolder(workspace, path),
}

/** Tries every use of a path but those named; each must be refused with such a text. */
const everyUseRefused = async (path: string, text: RegExp, ...but: string[]): Promise<void> => {
  for (const [name, use] of Object.entries(uses)) {
    if (!but.includes(name)) expect(`${name}: ${await refused(use(path))}`).toMatch(text)
  }
}

describe('paths that are refused by their spelling', () => {
  test.each([
    '..',
    '../bob/notes.md',
    'a/../../bob',
    'a/b/../../../x',
    '/etc/passwd',
    '/',
    '..\\bob',
    'a\\b',
    'a\0b',
    'a\nb',
    'a\u0085b',
    '%2e%2e%2fbob',
    '..%2Fbob',
    'a%5cb',
    'a%00b',
    '%252e%252e/x',
    'x'.repeat(256),
    'ü'.repeat(128),
    'a/'.repeat(2048) + 'b',
  ])('%j', async (path) => {
    await everyUseRefused(path, /: path refused/)
    expect(await readdir(workspace.path)).toEqual([])
  })

  test("another user's folder is outside, though it begins with the same name", async () => {
    await everyUseRefused(`${workspace.path}-bob/x`, /outside the workspace/)
  })

  test('a name of 255 bytes, dots that are no step up and an absolute path inside are fine', async () => {
    for (const path of ['x'.repeat(255), '...', '..a', 'a/../b', './/c//d', at('e/f'), '100%', 'a b', '日本.md']) {
      await writeFile(workspace, path, path)
      expect(await read(path)).toBe(path)
    }
    expect(await readdir(workspace.path)).toContain('b')
  })
})

describe("the system's own names", () => {
  test.each([
    'config.json',
    'memory.db',
    'memory.db-wal',
    'goclaw.db-shm',
    'memory/a.md',
    'delegate/x',
    'Memory/a',
    'CONFIG.JSON',
  ])('%s is refused to all tools', async (path) => {
    await everyUseRefused(path, /not for tools/)
  })

  test('attachments can be read and nothing else', async () => {
    await mkdir(at('.media'))
    await put(at('.media/a.txt'), 'picture')
    expect(await read('.media/a.txt')).toBe('picture')
    await everyUseRefused('.media/a.txt', /not for tools/, 'read')
    await everyUseRefused('.uploads/b', /not for tools/, 'read')
  })

  test('the same names deeper down are the user’s', async () => {
    await writeFile(workspace, 'project/config.json', '{}')
    expect(await read('project/config.json')).toBe('{}')
  })

  test('a link to them does not help', async () => {
    await put(at('config.json'), 'keys')
    await symlink('config.json', at('harmless.json'))
    await symlink('.', at('self'))
    for (const path of ['harmless.json', 'self/config.json', 'self/self/config.json']) {
      await everyUseRefused(path, /not for tools/)
    }
    expect(isDenied([], 'other')).toBe(false)
  })
})

describe('symbolic links', () => {
  test.each([
    ['absolute, to a file', () => join(box.outside, 'secret.txt'), 'link'],
    ['absolute, to a folder', () => box.outside, 'link/secret.txt'],
    ['relative, to a file', () => '../../../outside/secret.txt', 'link'],
    ['relative, to a folder', () => '../../../outside', 'link/secret.txt'],
    ['to the parent', () => '..', 'link/bob'],
    ['to a name that does not exist', () => join(box.outside, 'new.txt'), 'link'],
    ['to the root', () => '/', 'link/etc/passwd'],
  ])('%s outside is refused', async (_, target, path) => {
    await symlink(target(), at('link'))
    await symlink('link', at('second'))
    for (const way of [path, path.replace('link', 'second')]) {
      await everyUseRefused(way, /symbolic link in it leads outside/)
    }
    expect(await readdir(box.outside)).toEqual(['secret.txt'])
    expect(readFileSync(join(box.outside, 'secret.txt'), 'utf8')).toBe('SECRET')
  })

  test('inside the workspace they are followed, writes go to what they point at', async () => {
    await mkdir(at('deep/er'), { recursive: true })
    await put(at('deep/file'), 'one')
    await symlink('../file', at('deep/er/up'))
    await symlink(at('deep'), at('absolute'))
    await symlink('../deep/er/../er', at('deep/dots'))
    expect(await read('absolute/dots/up')).toBe('one')
    expect(await writeFile(workspace, 'absolute/dots/up', 'two')).toEqual(['deep', 'file'])
    expect(readFileSync(at('deep/file'), 'utf8')).toBe('two')
    await symlink('made', at('dangling'))
    await writeFile(workspace, 'dangling', 'three')
    expect(readFileSync(at('made'), 'utf8')).toBe('three')
  })

  test('circles end', async () => {
    await symlink('b', at('a'))
    await symlink('a', at('b'))
    await everyUseRefused('a', /too many symbolic links/)
  })

  test('a workspace that was itself replaced by a link is refused', async () => {
    await rm(workspace.path, { recursive: true })
    await symlink(box.outside, workspace.path)
    await expect(read('secret.txt')).rejects.toThrow()
    await expect(writeFile(workspace, 'x', 'x')).rejects.toThrow()
    expect(await readdir(box.outside)).toEqual(['secret.txt'])
  })

  test('links in the path of the base are the operator’s and fine', async () => {
    await symlink(box.workspace.base, join(box.folder, 'alias'))
    workspace = { base: join(box.folder, 'alias'), path: join(box.folder, 'alias/writer/alice') }
    await writeFile(workspace, at('a'), 'x')
    expect(await read(join(box.workspace.path, 'a'))).toBe('x')
  })
})

describe('things that are no plain file', () => {
  test('a file with a second name is refused', async () => {
    await link(join(box.outside, 'secret.txt'), at('hard'))
    await everyUseRefused('hard', /more than one hard link/, 'list')
    expect(readFileSync(join(box.outside, 'secret.txt'), 'utf8')).toBe('SECRET')
  })

  test('a folder, a pipe', async () => {
    await mkdir(at('folder'))
    execFileSync('mkfifo', [at('pipe')])
    expect(await refused(read('folder'))).toMatch(/is a directory/)
    expect(await refused(writeFile(workspace, 'folder', ''))).toMatch(/is a directory/)
    expect(await refused(read('.'))).toMatch(/is a directory/)
    expect(await refused(read('pipe'))).toMatch(/not a regular file/)
    expect(await refused(writeFile(workspace, 'pipe', ''))).toMatch(/not a regular file/)
    await expect(appendFile(workspace, 'pipe', 'x')).rejects.toThrow()
    await expect(read('folder/none')).rejects.toThrow(/ENOENT/)
    await put(at('file'), '')
    await expect(writeFile(workspace, 'file/below', '')).rejects.toThrow(/ENOTDIR/)
  })
})

describe('writing', () => {
  test('makes folders, keeps permissions, leaves nothing else behind', async () => {
    await writeFile(workspace, 'a/b/c.sh', 'one')
    await chmod(at('a/b/c.sh'), 0o755)
    await writeFile(workspace, 'a/b/c.sh', 'two')
    await writeFile(workspace, 'private', 'x', 0o600)
    expect((await stat(at('a/b/c.sh'))).mode & 0o777).toBe(0o755)
    expect((await stat(at('private'))).mode & 0o777).toBe(0o600)
    expect(await readdir(at('a/b'))).toEqual(['c.sh'])
  })

  test('makes folders and files that are nobody else’s to read', async () => {
    const fresh = { base: join(box.folder, 'made', 'base'), path: join(box.folder, 'made', 'base', 'writer', 'bob') }
    const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
    await writeFile(fresh, 'a/b', 'x')
    await appendFile(fresh, 'a/log', 'x')
    await changeFile(fresh, 'a/changed', () => 'x')
    for (const folder of [join(box.folder, 'made'), fresh.base, join(fresh.base, 'writer'), fresh.path])
      expect([folder, await mode(folder)]).toEqual([folder, '700'])
    expect(await mode(join(fresh.path, 'a'))).toBe('700')
    for (const name of ['b', 'log', 'changed']) expect(await mode(join(fresh.path, 'a', name))).toBe('600')
  })

  test('append begins a file and goes on with it', async () => {
    await appendFile(workspace, 'log', 'a')
    await appendFile(workspace, 'log', 'b')
    expect(await read('log')).toBe('ab')
  })

  test('changes of one file at once all count, also by another name', async () => {
    await writeFile(workspace, 'list', '')
    await symlink('list', at('alias'))
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        changeFile(workspace, index % 2 ? 'list' : 'alias', (old) => `${old}${index}\n`),
      ),
    )
    expect((await read('list')).split('\n').filter(Boolean).length).toBe(50)
  })

  test('a change that throws changes nothing', async () => {
    await writeFile(workspace, 'a', 'old')
    const failing = changeFile(workspace, 'a', () => {
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await read('a')).toBe('old')
  })

  test('bytes that are no text are not edited', async () => {
    await put(at('a'), Buffer.from([0xff, 0xfe, 0x00]))
    expect(await refused(changeFile(workspace, 'a', () => 'x'))).toMatch(/not UTF-8/)
  })

  test('a file is removed, once', async () => {
    await writeFile(workspace, 'a', '')
    await removeFile(workspace, 'a')
    await expect(removeFile(workspace, 'a')).rejects.toThrow(/ENOENT/)
  })
})

describe('listing', () => {
  test('sorted, denied and unfinished files left out, links shown as what they lead to', async () => {
    for (const folder of ['b', 'memory', '.media', 'delegate']) await mkdir(at(folder))
    for (const file of ['c.txt', 'a.txt', 'config.json', 'memory.db-wal', '.clawmesh-0123456789abcdef.tmp']) {
      await put(at(file), '12345')
    }
    await symlink('c.txt', at('d'))
    await symlink(box.outside, at('e'))
    await symlink('nowhere', at('f'))
    await symlink('b', at('g'))
    const { entries } = await listFolder(workspace, '.')
    expect(entries.map(({ name, kind, sizeBytes, link }) => [name, kind, sizeBytes, link])).toEqual([
      ['a.txt', 'file', 5, false],
      ['b', 'directory', 0, false],
      ['c.txt', 'file', 5, false],
      ['d', 'file', 5, true],
      ['g', 'directory', 0, true],
    ])
    expect((await listFolder(workspace, '.', 2)).total).toBe(7)
    expect((await listFolder(workspace, 'g')).entries).toEqual([])
  })

  test('counting goes down folders and not through links', async () => {
    await writeFile(workspace, 'a/b/c', '')
    await writeFile(workspace, 'a/d', '')
    await symlink('.', at('a/loop'))
    expect(await countFiles(workspace, '.', 100)).toBe(2)
    expect(await countFiles(workspace, 'none', 100)).toBe(0)
  })
})

describe('properties', () => {
  const piece = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('..', '.', '', 'a', 'b', 'inner', 'out', 'up', 'abs', 'self', '...', '%2e%2e', '..\\'),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
  )
  const path = fc
    .tuple(fc.constantFrom('', '/', './', '//'), fc.array(piece, { maxLength: 8 }))
    .map(([head, pieces]) => head + pieces.join('/'))

  test('names from a path never hold a step up, a separator or a NUL', () => {
    fc.assert(
      fc.property(path, (given) => {
        let names: string[]
        try {
          names = relativeNames(given, ['/ws'])
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(MeshError)
          return
        }
        for (const name of names) {
          expect(['', '.', '..']).not.toContain(name)
          expect(name).not.toMatch(/[/\\\0]/)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('no path, among links that lead everywhere, reads or changes anything outside', async () => {
    await mkdir(at('inner'))
    await put(at('inner/a'), 'INSIDE')
    await put(at('a'), 'INSIDE')
    await symlink('../../../outside', at('out'))
    await symlink('..', at('up'))
    await symlink(box.outside, at('abs'))
    await symlink('..', at('inner/up'))
    await symlink('..', at('inner/self'))
    await symlink(at('inner'), at('self'))
    await put(join(box.outside, 'a'), 'SECRET')
    await mkdir(join(workspace.base, 'writer', 'bob'))
    const guarded = {
      fence: fc.oneof(
        path,
        path.map((given) => workspace.path + given),
        path.map((given) => box.outside + given),
      ),
    }
    const outsideNow = () => [
      readFileSync(join(box.outside, 'a'), 'utf8'),
      execFileSync('ls', ['-R', box.outside, join(workspace.base, 'writer', 'bob')]).toString(),
    ]
    const before = outsideNow()
    await fc.assert(
      fc.asyncProperty(guarded.fence, async (given) => {
        const content = await read(given).catch(() => '')
        expect(content).not.toContain('SECRET')
        await writeFile(workspace, given, 'INSIDE').catch(() => {})
        await appendFile(workspace, given, 'INSIDE').catch(() => {})
        await listFolder(workspace, given).then(
          ({ entries }) => expect(entries.map(({ name }) => name)).not.toContain('secret.txt'),
          () => {},
        )
      }),
      { numRuns: 400 },
    )
    expect(outsideNow()).toEqual(before)
    expect((await readdir(join(workspace.base, 'writer'))).sort()).toEqual(['alice', 'bob'])
    expect((await readdir(box.folder)).sort()).toEqual(['base', 'outside'])
    expect(existsSync('/a') || existsSync('/inner')).toBe(false)
    expect(await readFile(join(box.outside, 'secret.txt'), 'utf8')).toBe('SECRET')
  })
})
