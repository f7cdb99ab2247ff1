import vm from 'node:vm'

interface Instance {
  exports: Record<string, () => number>
}
/** The parts of WebAssembly used here: its types come with those of a browser, which the project does without. */
interface WebAssemblyParts {
  Module: new (bytes: unknown) => object
  Instance: new (module: object) => Instance
  CompileError: new () => Error
  compile: (bytes: unknown) => Promise<object>
  compileStreaming: (answer: Response) => Promise<object>
  instantiate: ((bytes: Uint8Array) => Promise<{ module: object; instance: Instance }>) &
    ((module: object) => Promise<Instance>)
  instantiateStreaming: (answer: Response) => Promise<{ module: object; instance: Instance }>
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyParts }

/** The smallest module: the magic number and the version. */
const empty = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
/** One that exports `two`, a function that returns 2. */
const two = [
  ...empty,
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x07, 0x07, 0x01, 0x03, 0x74, 0x77, 0x6f, 0x00, 0x00],
  ...[0x0a, 0x06, 0x01, 0x04, 0x00, 0x41, 0x02, 0x0b],
]

describe('WebAssembly in a test file', () => {
  test('the same bytes are compiled once, by whatever way and from whatever buffer', async () => {
    const module = new WebAssembly.Module(Uint8Array.from(two))
    expect(module).toBeInstanceOf(WebAssembly.Module)
    expect(new WebAssembly.Module(Buffer.from(two))).toBe(module)
    expect(new WebAssembly.Module(Uint8Array.from([9, ...two]).subarray(1))).toBe(module)
    expect(await WebAssembly.compile(Uint8Array.from(two).buffer)).toBe(module)
    expect((await WebAssembly.instantiate(Uint8Array.from(two))).module).toBe(module)
    const answer = () => new Response(Uint8Array.from(two), { headers: { 'content-type': 'application/wasm' } })
    expect(await WebAssembly.compileStreaming(answer())).toBe(module)
    expect((await WebAssembly.instantiateStreaming(answer())).module).toBe(module)
    expect(new WebAssembly.Module(Uint8Array.from(empty))).not.toBe(module)
  })

  test('a module outlives the file: it belongs to the process, not to the context of the file', () => {
    const module = new WebAssembly.Module(Uint8Array.from(two))
    // Each context has an Object of its own.
    expect(module).not.toBeInstanceOf(Object)
    expect(new URLSearchParams()).not.toBeInstanceOf(Object)
  })

  test('instances are each their own, and work', async () => {
    const module = new WebAssembly.Module(Uint8Array.from(two))
    const [one, other] = [new WebAssembly.Instance(module), await WebAssembly.instantiate(module)]
    expect(one).not.toBe(other)
    for (const { exports } of [one, other]) expect(exports['two']!()).toBe(2)
  })

  test('what is no module is refused', async () => {
    expect(() => new WebAssembly.Module(Uint8Array.from([1, 2, 3]))).toThrow(WebAssembly.CompileError)
    await expect(WebAssembly.compile(Uint8Array.from([1, 2, 3]))).rejects.toThrow(WebAssembly.CompileError)
    expect(() => new WebAssembly.Module('text')).toThrow('buffer source')
  })
})

test('code of one name is parsed once, and other code of that name is not taken for it', () => {
  const options = { filename: '/of-the-code-cache-test.js' }
  const compile = (code: string) =>
    vm.compileFunction(code, [], options) as (() => number) & { cachedDataRejected?: boolean }
  compile('return 1')
  expect(compile('return 1').cachedDataRejected).toBe(false)
  expect(compile('return 2')()).toBe(2)
})
