import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { cutLines } from '../src/files/lines.ts'
import type { ToolContext } from '../src/tool/tool.ts'
import { contextWith } from './context.ts'
import { runTool, toolRefusal } from './run-tool.ts'
import { sandbox, type Sandbox } from './temporary.ts'

let box: Sandbox
let context: ToolContext
let at: (...names: string[]) => string

beforeEach(async () => {
  box = await sandbox()
  context = contextWith({ workspace: box.workspace })
  at = (...names) => join(box.workspace.path, ...names)
})
afterEach(() => box.remove())

const output = async (tool: string, args: Record<string, unknown>): Promise<string> =>
  (await runTool(tool, args, context)).output

describe('read_file', () => {
  test('a short file comes whole', async () => {
    writeFileSync(at('a.txt'), 'one\r\ntwo\n')
    expect(await runTool('read_file', { path: 'a.txt' }, context)).toEqual({
      output: 'one\r\ntwo',
      isError: false,
      forUser: '',
      metadata: { path: 'a.txt', lines: 2 },
    })
    writeFileSync(at('empty'), '')
    expect(await output('read_file', { path: at('empty') })).toBe('(empty file)')
  })

  test('offset and limit choose lines, a note names the next offset', async () => {
    writeFileSync(at('a'), 'l0\nl1\nl2\nl3')
    expect(await output('read_file', { path: 'a', offset: 1, limit: 2 })).toBe(
      'l1\nl2\n\n[lines 1 to 2 shown, there is more: go on with offset=3]',
    )
    expect(await output('read_file', { path: 'a', offset: 3 })).toBe('l3')
    expect(await toolRefusal('read_file', { path: 'a', offset: 4 }, context)).toBe(
      'offset 4 is past the end: a has 4 lines',
    )
  })

  test('50,000 characters at most, and going on from the note gives the whole file', async () => {
    const lines = Array.from({ length: 4000 }, (_, index) => `${index} ${'ü'.repeat(index % 60)}`)
    writeFileSync(at('long'), lines.join('\n'))
    const read: string[] = []
    let calls = 0
    for (let offset: unknown = 0; offset !== undefined; calls++) {
      const result = await runTool('read_file', { path: 'long', offset }, context)
      const note = result.output.lastIndexOf('\n\n[lines')
      const body = note < 0 ? result.output : result.output.slice(0, note)
      expect(body.length).toBeLessThanOrEqual(50_000)
      read.push(body)
      offset = result.metadata['next_offset']
    }
    expect(calls).toBe(3)
    expect(read.join('\n')).toBe(lines.join('\n'))
  })

  test('a line that is too long loses its end, and the next one can be reached', async () => {
    writeFileSync(at('wide'), `${'x'.repeat(3_000_000)}\nsecond`)
    const result = await runTool('read_file', { path: 'wide' }, context)
    expect(result.output.indexOf('\n')).toBe(50_000)
    expect(result.output).toContain('line 0 is longer than 50000')
    expect(await output('read_file', { path: 'wide', offset: 1 })).toBe('second')
  })

  test.each([
    ['photo.PNG', 'read_image'],
    ['song.mp3', 'read_audio'],
    ['clip.mp4', 'read_video'],
    ['report.pdf', 'read_document'],
    ['table.xlsx', 'read_document'],
  ])('%s belongs to %s', async (path, tool) => {
    writeFileSync(at(path), 'x')
    expect(await toolRefusal('read_file', { path }, context)).toBe(`${path} is not a text file; use ${tool} for it`)
  })

  test('archives, programs and anything with a NUL are refused', async () => {
    expect(await toolRefusal('read_file', { path: 'a.zip' }, context)).toMatch(/cannot be read/)
    expect(await toolRefusal('read_file', { path: 'a.exe' }, context)).toMatch(/cannot be read/)
    writeFileSync(at('data'), 'ab\0c')
    expect(await toolRefusal('read_file', { path: 'data' }, context)).toBe('data is a binary file and cannot be read')
  })

  test('folders of skills can be read by absolute path, and not written', async () => {
    const skills = { base: box.outside, path: join(box.outside, 'skills') }
    mkdirSync(skills.path)
    writeFileSync(join(skills.path, 'SKILL.md'), 'do')
    context = { ...context, readable: [skills] }
    const path = join(skills.path, 'SKILL.md')
    expect(await output('read_file', { path })).toBe('do')
    expect(await output('list_files', { path: skills.path })).toBe('[FILE] SKILL.md (2 bytes)')
    expect(await toolRefusal('write_file', { path, content: '' }, context)).toMatch(/outside the workspace/)
    expect(await toolRefusal('edit', { path, old_string: 'a', new_string: 'b' }, context)).toMatch(/outside/)
    expect(await toolRefusal('read_file', { path: join(skills.path, '../secret') }, context)).toMatch(/outside/)
  })

  test('without a workspace there is nothing to read', async () => {
    context = contextWith()
    expect(await toolRefusal('read_file', { path: 'a' }, context)).toMatch(/needs an agent with a workspace/)
  })

  test('property: reading on from each note puts the text together again', async () => {
    const text = fc.array(
      fc.string({ maxLength: 30 }).map((line) => line.replaceAll('\n', '')),
      { minLength: 1, maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 30, max: 90 }),
        async (lines, size, maxChars) => {
          const whole = lines.join('\n')
          const chunks = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
          const read: string[] = []
          for (let offset: number | undefined = 0; offset !== undefined;) {
            const cut = await cutLines(chunks, { offset, maxChars })
            expect(cut.text.length).toBeLessThanOrEqual(maxChars)
            expect(cut.nextOffset ?? Infinity).toBeGreaterThan(offset)
            if (cut.lines > 0) read.push(cut.text)
            offset = cut.nextOffset
          }
          // A newline at the very end begins no line.
          expect(read.join('\n')).toBe(whole.endsWith('\n') ? whole.slice(0, -1) : whole)
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('write_file', () => {
  test('makes folders, says how much, and delivers unless told not to', async () => {
    expect(await runTool('write_file', { path: 'a/b.txt', content: 'grün' }, context)).toEqual({
      output: 'Wrote a/b.txt (5 bytes)',
      isError: false,
      forUser: '',
      metadata: { path: 'a/b.txt', bytes: 5, deliver: [join(context.workspace!.path, 'a/b.txt')] },
    })
    const quiet = await runTool(
      'write_file',
      { path: './a//b.txt', content: '!', append: true, deliver: false },
      context,
    )
    expect([quiet.output, quiet.metadata]).toEqual(['Added to a/b.txt (1 bytes)', { path: 'a/b.txt', bytes: 1 }])
    expect(readFileSync(at('a/b.txt'), 'utf8')).toBe('grün!')
  })

  test('outside a team an empty file is just empty', async () => {
    await output('write_file', { path: 'x.sh', content: '' })
    expect(readdirSync(at())).toEqual(['x.sh'])
  })

  test.each(['../x', '/etc/x', 'config.json', 'memory.db', '.media/x', 'delegate/x'])('%s is refused', async (path) => {
    expect(await toolRefusal('write_file', { path, content: 'x' }, context)).toMatch(/path refused/)
  })

  describe('in a team workspace', () => {
    let shared: string
    beforeEach(() => {
      shared = join(box.workspace.base, 'teams', 't1')
      mkdirSync(shared, { recursive: true })
      context = { ...context, team: { workspace: { base: box.workspace.base, path: shared }, role: 'member' } }
    })

    test('an absolute path leads there, empty content removes', async () => {
      await output('write_file', { path: join(shared, 'plan.md'), content: 'x' })
      expect(readdirSync(shared)).toEqual(['plan.md'])
      expect(await output('write_file', { path: join(shared, 'plan.md'), content: '' })).toMatch(/^Removed/)
      expect(readdirSync(shared)).toEqual([])
      expect(readdirSync(at())).toEqual([])
    })

    test('reviewers may not write or edit', async () => {
      writeFileSync(join(shared, 'a'), 'x')
      context = { ...context, team: { ...context.team!, role: 'reviewer' } }
      const path = join(shared, 'a')
      expect(await toolRefusal('write_file', { path, content: '' }, context)).toMatch(/reviewers may not write/)
      expect(await toolRefusal('edit', { path, old_string: 'x', new_string: 'y' }, context)).toMatch(/reviewers/)
      expect(await output('read_file', { path })).toBe('x')
    })

    test.each(['a.exe', 'a.SH', 'a.bat', 'a.cmd', 'a.ps1', 'a.com', 'a.msi', 'a.scr'])(
      '%s is refused',
      async (name) => {
        expect(await toolRefusal('write_file', { path: join(shared, name), content: 'x' }, context)).toMatch(
          /may not be put/,
        )
      },
    )

    test('holds 100 files; those there can still be changed', async () => {
      for (let index = 0; index < 100; index++) writeFileSync(join(shared, `f${index}`), 'x')
      expect(await toolRefusal('write_file', { path: join(shared, 'more'), content: 'x' }, context)).toMatch(
        /100 files/,
      )
      expect(await output('write_file', { path: join(shared, 'f1'), content: 'y' })).toMatch(/^Wrote/)
    })

    test('is the workspace itself for members without one of their own', async () => {
      context = { ...context, workspace: context.team!.workspace, team: { ...context.team!, role: 'reviewer' } }
      expect(await toolRefusal('write_file', { path: 'a', content: 'x' }, context)).toMatch(/reviewers may not write/)
    })
  })
})

describe('list_files', () => {
  test('a line an entry, sorted, nothing of the system’s', async () => {
    mkdirSync(at('src'))
    mkdirSync(at('memory'))
    mkdirSync(at('.uploads'))
    writeFileSync(at('a.txt'), '12345')
    writeFileSync(at('config.json'), '{}')
    writeFileSync(at('b\n[DIR]  fake'), '')
    symlinkSync(box.outside, at('out'))
    expect(await output('list_files', {})).toBe('[FILE] a.txt (5 bytes)\n[FILE] b?[DIR]  fake (0 bytes)\n[DIR]  src/')
    expect(await output('list_files', { path: 'src' })).toBe('(empty folder)')
  })

  test('more than 1000 entries are cut', async () => {
    for (let index = 0; index < 1003; index++) writeFileSync(at(`f${index}`), '')
    const lines = (await output('list_files', {})).split('\n')
    expect([lines.length, lines.at(-1)]).toEqual([1001, '[3 more entries are not shown]'])
  })

  test('what is no folder is an error', async () => {
    await expect(runTool('list_files', { path: 'none' }, context)).rejects.toThrow(/ENOENT/)
    expect(await toolRefusal('list_files', { path: 'MEMORY.md' }, context)).toMatch(/no folder/)
    expect(await toolRefusal('list_files', { path: '..' }, context)).toMatch(/outside/)
  })
})

describe('edit', () => {
  beforeEach(() => writeFileSync(at('a'), 'one two two $& three'))

  test('replaces the one occurrence, literally', async () => {
    expect(await output('edit', { path: 'a', old_string: '$&', new_string: '$1$&' })).toBe('Replaced 1 occurrence in a')
    expect(readFileSync(at('a'), 'utf8')).toBe('one two two $1$& three')
  })

  test('must be unique unless replace_all', async () => {
    const args = { path: 'a', old_string: 'two', new_string: '2' }
    expect(await toolRefusal('edit', args, context)).toMatch(/occurs 2 times/)
    expect(readFileSync(at('a'), 'utf8')).toBe('one two two $& three')
    expect(await output('edit', { ...args, replace_all: true })).toBe('Replaced 2 occurrences in a')
    expect(readFileSync(at('a'), 'utf8')).toBe('one 2 2 $& three')
  })

  test('says what is wrong', async () => {
    expect(await toolRefusal('edit', { path: 'a', old_string: 'Two', new_string: '' }, context)).toMatch(
      /does not occur/,
    )
    expect(await toolRefusal('edit', { path: 'a', old_string: 'x', new_string: 'x' }, context)).toMatch(/the same/)
    expect(await toolRefusal('edit', { path: 'b', old_string: 'x', new_string: 'y' }, context)).toMatch(/there is no b/)
    expect(readdirSync(at())).toEqual(['a'])
  })

  test.each([
    ['a\r\nb\r\nc\r\n', 'a\nb', 'x\ny\nz', 'x\r\ny\r\nz\r\nc\r\n'],
    ['a\r\nb\r\n', 'a', 'x\ny', 'x\r\ny\r\nb\r\n'],
    ['a\nb\n', 'a\r\nb', 'x\r\ny', 'x\ny\n'],
    ['a\r\nb\nc\r\n', 'b\nc', 'x', 'a\r\nx\r\n'],
    ['a\r\nb\nc\r\n', 'a\nb', 'x\ny', 'x\r\ny\nc\r\n'],
  ])('of %j: %j becomes %j and the line ends stay', async (before, old_string, new_string, after) => {
    writeFileSync(at('a'), before)
    await output('edit', { path: 'a', old_string, new_string })
    expect(readFileSync(at('a'), 'utf8')).toBe(after)
  })

  test('two edits of one turn both hold', async () => {
    await Promise.all([
      output('edit', { path: 'a', old_string: 'one', new_string: '1' }),
      output('edit', { path: 'a', old_string: 'three', new_string: '3' }),
    ])
    expect(readFileSync(at('a'), 'utf8')).toBe('1 two two $& 3')
  })
})
