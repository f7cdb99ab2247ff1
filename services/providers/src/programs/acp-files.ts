/** The files that a program reads and writes through us: those of its folder, and no others. */
import { constants } from 'node:fs'
import { mkdir, open, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { countOf, textOf, type Json } from '../chat/protocols/json.ts'
import { Refusal } from './json-rpc.ts'

const mostBytes = 10 * 1024 * 1024

const refused = (reason: string) => new Refusal(`the path ${reason}`)

const isInside = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** Where a path ends once all links are followed; what is not there yet hangs on what is. */
const realPath = async (path: string): Promise<string> => {
  try {
    return await realpath(path)
  } catch (thrown) {
    const parent = dirname(path)
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw refused('cannot be followed')
    return join(await realPath(parent), basename(path))
  }
}

/**
 * A path of the program's, relative ones below its folder, with all links followed.
 * @throws Refusal for one that leads out of the folder
 */
export const pathInside = async (folder: string, path: string): Promise<string> => {
  if (path === '' || path.includes('\0')) throw refused('must be a path')
  const [root, wanted] = await Promise.all([realPath(folder), realPath(resolve(folder, path))])
  if (!isInside(root, wanted)) throw refused('must be inside the folder')
  return wanted
}

/** The lines of a text, of which the first is 1. */
const linesOf = (text: string, { line, limit }: Json): string => {
  if (line === undefined && limit === undefined) return text
  const first = Math.max(countOf(line), 1) - 1
  const count = countOf(limit) || Infinity
  return text
    .split('\n')
    .slice(first, first + count)
    .join('\n')
}

export const readTextFile = async (folder: string, params: Json): Promise<Json> => {
  const path = await pathInside(folder, textOf(params['path']))
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => {
    throw refused('cannot be read')
  })
  try {
    const facts = await file.stat()
    if (!facts.isFile()) throw refused('must be a file')
    if (facts.size > mostBytes) throw refused('is too large')
    return { content: linesOf(await file.readFile('utf8'), params) }
  } finally {
    await file.close()
  }
}

export const writeTextFile = async (folder: string, params: Json): Promise<Json> => {
  const content = textOf(params['content'])
  if (Buffer.byteLength(content) > mostBytes) throw refused('is too large')
  const path = await pathInside(folder, textOf(params['path']))
  if (
    await stat(path).then(
      (facts) => !facts.isFile(),
      () => false,
    )
  )
    throw refused('must be a file')
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
  try {
    await file.writeFile(content)
  } finally {
    await file.close()
  }
  return {}
}
