/**
 * Code that test files share is parsed once a process. jest gives every file a context of its own and evaluates its imports
 * anew, which is wanted; that V8 parses the same two thousand modules anew is not, and took half of a small file's time.
 */
import vm from 'node:vm'

/** What V8 knows of a text, by where the text is from. @type {Map<string, { code: string, cachedData: Buffer }>} */
const known = new Map()

/** @param {string | undefined} name @param {string} code */
const knownOf = (name, code) => {
  const entry = name === undefined ? undefined : known.get(name)
  return entry?.code === code ? entry.cachedData : undefined
}

/** @param {string | undefined} name @param {string} code @param {Buffer | undefined} cachedData */
const remember = (name, code, cachedData) => {
  // A copy: V8 makes the data in the context of the file that asked, all of which would be kept with it.
  if (name !== undefined && cachedData !== undefined) known.set(name, { code, cachedData: Buffer.from(cachedData) })
}

/** Makes what jest compiles with keep what it learns. */
export const keepParsedCode = () => {
  const { SourceTextModule, compileFunction } = vm

  vm.SourceTextModule = class extends SourceTextModule {
    /** @param {string} code @param {vm.SourceTextModuleOptions} [options] */
    constructor(code, options = {}) {
      const cachedData = knownOf(options.identifier, code)
      super(code, cachedData === undefined ? options : { ...options, cachedData })
      if (cachedData === undefined) remember(options.identifier, code, this.createCachedData())
    }
  }

  vm.compileFunction = (code, params, options = {}) => {
    const cachedData = knownOf(options.filename, code)
    if (cachedData !== undefined) return compileFunction(code, params, { ...options, cachedData })
    const compiled = compileFunction(code, params, { ...options, produceCachedData: true })
    remember(options.filename, code, compiled.cachedData)
    return compiled
  }
}
