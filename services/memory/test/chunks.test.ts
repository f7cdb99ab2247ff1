import fc from 'fast-check'
import { expectLinear, hostilePieces, repeated } from '../../../test/support/linear-time.ts'
import { chunk, chunkInSteps, longestWholeLine } from '../src/chunks/chunker.ts'
import { featureHash } from '../src/embeddings/feature-hashing.ts'

const line = (letter: string, length: number) => letter.repeat(length)
const ranges = (content: string, maxLength: number, overlap: number) =>
  chunk(content, { maxLength, overlap }).map(({ startLine, endLine }) => [startLine, endLine])

describe('the chunker', () => {
  it('leaves a short text whole, trimmed', () => {
    expect(chunk('\n# Title\n\ntext\n', { maxLength: 1000, overlap: 200 })).toEqual([
      { startLine: 1, endLine: 5, part: 0, text: '# Title\n\ntext' },
    ])
  })

  it.each(['', '\n', ' \n\t\n'])('makes nothing of blank text: %j', (content) => {
    expect(chunk(content, { maxLength: 1000, overlap: 200 })).toEqual([])
  })

  it('closes at a blank line once half the maximum is reached, but not before', () => {
    const content = [line('a', 30), '', line('b', 30), '', line('c', 10)].join('\n')
    expect(ranges(content, 100, 0)).toEqual([
      [1, 3],
      [4, 5],
    ])
  })

  it('closes at any line once the maximum is reached', () => {
    const content = [line('a', 60), line('b', 60), line('c', 60)].join('\n')
    expect(ranges(content, 100, 0)).toEqual([
      [1, 2],
      [3, 3],
    ])
  })

  it('repeats the last whole lines that fit into the overlap', () => {
    const content = Array.from({ length: 12 }, (_, i) => `line ${i}`.padEnd(19, '.')).join('\n')
    expect(ranges(content, 100, 45)).toEqual([
      [1, 5],
      [4, 8],
      [7, 11],
      [10, 12],
    ])
  })

  it('repeats at most half the maximum', () => {
    const content = Array.from({ length: 8 }, () => line('a', 19)).join('\n')
    expect(ranges(content, 100, 5000)).toEqual(ranges(content, 100, 50))
  })

  it('adds no chunk of repeated lines alone when the last line closes one', () => {
    const content = Array.from({ length: 5 }, () => line('a', 19)).join('\n')
    expect(ranges(content, 100, 45)).toEqual([[1, 5]])
    expect(ranges(`${content}\n\n`, 100, 45)).toEqual([[1, 5]])
  })

  it('cuts an overlong line into parts that hold all of it and halve no character', () => {
    const long = '😀'.repeat(5_001)
    const chunks = chunk(`before\n${long}\nafter`, { maxLength: 1000, overlap: 200 })
    const parts = chunks.filter(({ startLine }) => startLine === 2)
    expect(parts.map(({ part }) => part)).toEqual([0, 1, 2])
    expect(parts.map(({ text }) => text).join('')).toBe(long)
    expect(chunks.map(({ startLine, endLine }) => [startLine, endLine])).toEqual([
      [1, 1],
      [2, 2],
      [2, 2],
      [2, 2],
      [3, 3],
    ])
    expect(parts.every(({ text }) => text.isWellFormed())).toBe(true)
  })
})

const documents = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.string({ maxLength: 60 }).map((text) => text.replaceAll('\n', ' ')) },
      { weight: 1, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.nat(9_000).map((length) => 'x'.repeat(length)) },
    ),
    { maxLength: 60 },
  )
  .map((lines) => lines.join('\n'))
const sizes = fc.record({ maxLength: fc.integer({ min: 100, max: 2000 }), overlap: fc.nat(1500) })

describe('chunks of any text', () => {
  it('together cover every line that is not blank, and start no later than the one before ended', () => {
    fc.assert(
      fc.property(documents, sizes, (content, size) => {
        const covered = new Set<number>()
        let lastStart = 0
        let lastEnd = 0
        for (const { startLine, endLine, part } of chunk(content, size)) {
          expect(startLine).toBeGreaterThanOrEqual(lastStart)
          expect(endLine).toBeGreaterThanOrEqual(part > 0 ? lastEnd : lastEnd + 1)
          for (let at = startLine; at <= endLine; at++) covered.add(at)
          ;[lastStart, lastEnd] = [startLine, endLine]
        }
        content.split('\n').forEach((text, index) => {
          if (text.trim() !== '') expect(covered).toContain(index + 1)
        })
      }),
    )
  })

  it('are exactly the lines they name, trimmed and never blank', () => {
    fc.assert(
      fc.property(documents, sizes, (content, size) => {
        const lines = content.split('\n')
        for (const { startLine, endLine, text } of chunk(content, size)) {
          const named = lines.slice(startLine - 1, endLine).join('\n')
          if (named.length > longestWholeLine(size) && startLine === endLine) expect(named).toContain(text)
          else expect(text).toBe(named.trim())
          expect(text).not.toBe('')
        }
      }),
    )
  })

  it('are bounded: less than the maximum before their last line, which is no overlong one', () => {
    fc.assert(
      fc.property(documents, sizes, (content, size) => {
        for (const { text } of chunk(content, size))
          expect(text.length).toBeLessThanOrEqual(size.maxLength + longestWholeLine(size))
      }),
    )
  })

  it('repeat whole lines of at most the overlap', () => {
    fc.assert(
      fc.property(documents, sizes, (content, size) => {
        const lines = content.split('\n')
        const chunks = chunk(content, size)
        chunks.slice(1).forEach(({ startLine }, index) => {
          const { endLine } = chunks[index]!
          const repeated = lines.slice(startLine - 1, endLine)
          if (startLine > endLine || lines[endLine - 1]!.length > longestWholeLine(size)) return
          expect(repeated.reduce((sum, text) => sum + text.length + 1, 0)).toBeLessThanOrEqual(size.overlap)
        })
      }),
    )
  })
})

it.each(['a\n', '\n'])('lines of %j are cut in time in proportion to them, with as much repeated as can be', (line) =>
  expectLinear((text) => chunk(text, { maxLength: 1000, overlap: 500 }), repeated(line)),
)

describe.each([
  ['chunk', (text: string) => chunk(text, { maxLength: 1000, overlap: 200 })],
  ['chunk with small chunks', (text: string) => chunk(text, { maxLength: 100, overlap: 50 })],
  ['featureHash', featureHash],
] as const)('%s takes time in proportion to its text', (_name, work) => {
  it.each([...hostilePieces, 'a\n', 'a\n\n'])('made of %j', (piece) => expectLinear(work, repeated(piece)))
})

describe('a long document', () => {
  it.each(['a\n', '\n', 'a\n\n', 'abc '])(
    'of %j lets other work in while it is cut, and has bounded chunks',
    async (piece) => {
      const content = piece.repeat(4_000_000 / piece.length)
      const sizes = { maxLength: 100, overlap: 50 }
      let turns = 0
      const ticking = setImmediate(function tick() {
        turns++
        next = setImmediate(tick)
      })
      let next = ticking
      const chunks = await chunkInSteps(content, sizes)
      clearImmediate(next)
      expect(chunks).toEqual(chunk(content, sizes))
      expect(chunks.length).toBeLessThan(40_000)
      // Only what is one line is cut in one go.
      if (piece.includes('\n')) expect(turns).toBeGreaterThan(30)
    },
  )
})
