/**
 * The suites of `npm test`, worked out from the test files: `unit` needs no server, `service` is one service or package
 * over real servers, `contract` and `e2e` are the folders of those names. `npm test -- --selectProjects unit` runs one.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Whoever wants a server gets it from one of these. */
const servers = ['dependencies', 'nats', 'redis', 'postgres', 'pglite'].map((name) => `test/support/${name}.ts`)
const relativeImport = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g

/** @param {string} root */
const createServerSearch = (root) => {
  /** @type {Map<string, boolean>} */
  const known = new Map(servers.map((file) => [join(root, file), true]))
  /** @param {string} file @returns {boolean} whether it reaches a server, itself or by what it imports */
  const needsServers = (file) => {
    const found = known.get(file)
    if (found !== undefined) return found
    known.set(file, false)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const reaches = [...text.matchAll(relativeImport)].some(([, path]) => needsServers(resolve(dirname(file), path)))
    known.set(file, reaches)
    return reaches
  }
  return needsServers
}

/** @typedef {'unit' | 'service' | 'contract' | 'e2e'} Suite */

/**
 * @param {string} root
 * @returns {Record<Suite, string[]>} absolute paths
 */
export const findSuites = (root) => {
  const needsServers = createServerSearch(root)
  /** @type {Record<Suite, string[]>} */
  const suites = { unit: [], service: [], contract: [], e2e: [] }
  const files = globSync(['*/test/**/*.test.ts', 'services/*/test/**/*.test.ts', 'test/**/*.test.ts'], {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|faults|cluster|\.cache|dist)$/.test(path),
  })
  for (const file of new Set(files)) {
    const path = join(root, file)
    const suite = /^test\/contract\//.test(file)
      ? 'contract'
      : /^test\/(e2e|embedded)\//.test(file)
        ? 'e2e'
        : needsServers(path)
          ? 'service'
          : 'unit'
    suites[suite].push(path)
  }
  return suites
}
