/** Finds a Node that runs the sources as they are: type stripping, and none of the body leaks of 24.16 to 24.18. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { capture } from './process.mjs'
import { fromRoot } from './root.mjs'

const minimum = [24, 19]
const fetched = '24.21.0'
const cacheFile = fromRoot('.cache/node-path')

/**
 * @param {string} version as in `process.version`
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major > minimum[0] || (major === minimum[0] && minor >= minimum[1])
}

/**
 * The path of a Node that is new enough, from an earlier look or from the npm registry (a few seconds).
 *
 * @returns {Promise<string>}
 */
export async function findNode() {
  const remembered = readRemembered()
  if (remembered && (await works(remembered))) return remembered

  console.error(`clawmesh: Node ${process.version} is too old, fetching ${fetched} from the npm registry`)
  const { code, stdout, stderr } = await capture('npx', ['-y', `node@${fetched}`, '-p', 'process.execPath'])
  const found = stdout.trim().split('\n').at(-1) ?? ''
  if (code !== 0 || !(await works(found))) {
    throw new Error(`no Node >= ${minimum.join('.')} found, and fetching one failed; install it.\n${stderr.trim()}`)
  }
  remember(found)
  return found
}

/**
 * @param {string} node path of the executable
 * @returns {string} PATH with that Node first
 */
export function pathWithNode(node) {
  const folder = dirname(node)
  const rest = (process.env.PATH ?? '').split(delimiter).filter((part) => part !== folder)
  return [folder, ...rest].join(delimiter)
}

/** @param {string} node */
async function works(node) {
  if (!node) return false
  const { code, stdout } = await capture(node, ['--version'])
  return code === 0 && isNewEnough(stdout.trim())
}

function readRemembered() {
  try {
    return readFileSync(cacheFile, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** @param {string} node */
function remember(node) {
  try {
    mkdirSync(dirname(cacheFile), { recursive: true })
    writeFileSync(cacheFile, `${node}\n`)
  } catch {
    // A read-only checkout works too, it only looks again next time.
  }
}
