/**
 * jest's environment for Node, in which a test file may listen for the end of its process, and WebAssembly code is compiled once a process and shared by all test files.
 *
 * jest gives every test file a context and module registry of its own. What the file's imports compile would go away with
 * them, and V8 loses track of code that is made and freed over and over (docs/adr/0016).
 */
import { createHash } from 'node:crypto'
import { TestEnvironment } from 'jest-environment-node'
import { keepParsedCode } from './code-cache.mjs'
import { followEnd } from './process-end.mjs'

/** Compiled modules by the hash of their bytes, kept until the process ends. @type {Map<string, WebAssembly.Module>} */
const modules = new Map()

/**
 * @param {unknown} source what `WebAssembly.Module` takes
 * @returns {WebAssembly.Module}
 * @throws WebAssembly.CompileError, or TypeError where that is no bytes
 */
const compiled = (source) => {
  // The context's own buffers are no instances of ours.
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(/** @type {ArrayBuffer} */ (source))
  const key = createHash('sha256').update(bytes).digest('hex')
  const known = modules.get(key)
  if (known !== undefined) return known
  const module = new WebAssembly.Module(/** @type {BufferSource} */ (source))
  modules.set(key, module)
  return module
}

/** This realm's WebAssembly, compiling through `compiled`. Instances are each file's own. */
const shared = Object.create(Object.getPrototypeOf(WebAssembly), {
  ...Object.getOwnPropertyDescriptors(WebAssembly),
  ...Object.getOwnPropertyDescriptors({
    Module: new Proxy(WebAssembly.Module, { construct: (_target, [source]) => compiled(source) }),
    /** @param {unknown} source */
    compile: async (source) => compiled(source),
    /** @param {unknown} source @param {WebAssembly.Imports} imports */
    instantiate: async (source, imports) => {
      if (source instanceof WebAssembly.Module) return WebAssembly.instantiate(source, imports)
      const module = compiled(source)
      return { module, instance: await WebAssembly.instantiate(module, imports) }
    },
    /** @param {Response | Promise<Response>} source */
    compileStreaming: async (source) => compiled(await (await source).arrayBuffer()),
    /** @param {Response | Promise<Response>} source @param {WebAssembly.Imports} imports */
    instantiateStreaming: async (source, imports) => shared.instantiate(await (await source).arrayBuffer(), imports),
  }),
})

keepParsedCode()

export default class ProjectEnvironment extends TestEnvironment {
  /**
   * @param {import('@jest/environment').JestEnvironmentConfig} config
   * @param {import('@jest/environment').EnvironmentContext} context
   */
  constructor(config, context) {
    super(config, context)
    Object.defineProperty(this.global, 'WebAssembly', { value: shared, writable: true, configurable: true })
    // jest runs a file again, without a word, whose worker ends with a code of its own; one ended by a signal fails it.
    this.global.process.exit = () => process.kill(process.pid, 'SIGABRT')
    this.endFile = followEnd(this.global.process)
  }

  async teardown() {
    this.endFile()
    await super.teardown()
  }
}
