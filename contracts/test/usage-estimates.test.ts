import { estimatedInputTokens, tokensOfFile } from '../src/index.ts'

const blank = { images: [], toolCalls: [], toolCallId: '', isError: false, thinking: '', providerState: '' }
const file = (mimeType: string, bytes: number) => ({
  part: { $case: 'file' as const, value: { mimeType, data: Buffer.alloc(bytes), name: '' } },
})
const image = { part: { $case: 'image' as const, value: { mimeType: 'image/png', data: Buffer.alloc(9) } } }

it('counts what a message shows beside its text', () => {
  const tokensOf = (...parts: (typeof image | ReturnType<typeof file>)[]) =>
    estimatedInputTokens({ messages: [{ ...blank, role: 'user', content: 'abc', parts }], tools: [] })
  expect(tokensOf()).toBe(1)
  expect(tokensOf(image)).toBe(1 + 1_500)
  expect(tokensOf(file('text/plain', 300), image)).toBe(1 + 100 + 1_500)
})

it.each([
  ['a text by its bytes', 'text/plain', 3_000_000, 1_000_000],
  ['a small PDF by its bytes', 'application/pdf', 3_000, 1_000],
  ['a large PDF by the pages that are taken', 'application/pdf', 9_000_000, 300_000],
  ['a second of audio of the lowest quality', 'audio/mpeg', 4_000, 32],
])('estimates %s', (_what, mimeType, bytes, tokens) => expect(tokensOfFile(mimeType, bytes)).toBe(tokens))
