/**
 * The package helper: a process of its own, as root, that installs and removes packages of the system for the service, over
 * a Unix socket. A line of JSON asks, `{"action":"install","package":"jq"}`, and a line answers, `{"ok":true}` or
 * `{"ok":false,"error":"..."}`.
 */
import { chmod, chown, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { createSemaphore, type Logger } from '@clawmesh/chassis'
import { z } from 'zod'
import { openKeptNames } from './kept-names.ts'
import { openManager, type Action } from './managers.ts'

export interface HelperParts {
  /** Path of the socket. */
  socket: string
  /** Group that may connect, and may read the names of what is installed. */
  group: number
  /** Folder of the persist file: the helper's own. */
  runtimeDir: string
  searchPath: string
  log: Pick<Logger, 'info' | 'warn'>
  /** From a connection's first moment to its last. */
  connectionMs?: number
}

export interface PackageHelper {
  /** Takes no more requests and waits for the one under way: a manager that is cut off leaves the system half done. */
  readonly stop: () => Promise<void>
}

interface Answer {
  ok: boolean
  error?: string
}

const mostConnections = 3
const lineLimitChars = 4_096
const defaultConnectionMs = 300_000

const request = z.object({ action: z.string().default(''), package: z.string().default('') })
/** Names of Debian and Alpine. Both managers read more into other characters: releases, versions, conflicts, files. */
const systemName = /^[a-zA-Z0-9][a-zA-Z0-9._+-]{0,199}$/
const isAction = (text: string): text is Action => text === 'install' || text === 'uninstall'

const refused = (error: string): Answer => ({ ok: false, error })

/** @throws Error when the folder or the socket cannot be opened */
export const startPackageHelper = async (parts: HelperParts): Promise<PackageHelper> => {
  const { socket: path, group, runtimeDir, searchPath, log, connectionMs = defaultConnectionMs } = parts
  const manager = await openManager(searchPath)
  const kept = await openKeptNames(runtimeDir, group)
  // Managers hold a lock on the system.
  const inTurn = createSemaphore(1)
  let isStopping = false

  const perform = async (action: Action, name: string): Promise<Answer> => {
    if (isStopping) return refused('the helper is leaving')
    // What the image came with is not for users to remove.
    if (action === 'uninstall' && !(await kept.list()).includes(name)) return refused('not installed by the helper')
    const error = await manager.run(action, name)
    if (error === undefined) await (action === 'install' ? kept.add(name) : kept.remove(name))
    log.info({ action, package: name, ok: error === undefined }, 'package helper')
    return error === undefined ? { ok: true } : refused(error)
  }

  const answer = async (line: string): Promise<Answer> => {
    let asked: z.infer<typeof request>
    try {
      asked = request.parse(JSON.parse(line))
    } catch {
      return refused('invalid json')
    }
    const { action, package: name } = asked
    if (!isAction(action)) return refused(`unknown action: ${action.slice(0, 100)}`)
    if (name === '') return refused('package required')
    if (!systemName.test(name)) return refused('invalid package name')
    return inTurn(() => perform(action, name)).catch((err: unknown) => {
      log.warn({ err, action, package: name }, 'package helper')
      return refused(err instanceof Error ? err.message : String(err))
    })
  }

  /** An answer a line, for as long as the client takes them. */
  const answers = async function* (chunks: AsyncIterable<string>): AsyncGenerator<string> {
    const said = (each: Answer) => `${JSON.stringify(each)}\n`
    let pending = ''
    for await (const chunk of chunks) {
      const lines = (pending + chunk).split('\n')
      pending = lines.pop()!
      for (const line of lines) yield said(line.length > lineLimitChars ? refused('invalid json') : await answer(line))
      if (pending.length > lineLimitChars) {
        yield said(refused('invalid json'))
        return
      }
    }
  }

  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    const deadline = setTimeout(() => socket.destroy(), connectionMs)
    socket.once('close', () => {
      clearTimeout(deadline)
      open.delete(socket)
    })
    // A client that goes away has no answer to wait for.
    pipeline(socket.setEncoding('utf8'), answers, socket).catch(() => {})
  })
  server.maxConnections = mostConnections

  const reinstall = async (): Promise<void> => {
    for (const name of (await kept.list()).filter((each) => systemName.test(each))) {
      if (isStopping) return
      const error = await manager.run('install', name)
      if (error !== undefined) log.warn({ package: name, error }, 'package helper: not installed again')
    }
  }

  await rm(path, { force: true })
  // Nobody may connect between its making and its owner's change.
  const umask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  } finally {
    process.umask(umask)
  }
  await chown(path, process.getuid!(), group)
  await chmod(path, 0o660)
  // Ahead of all requests, and nobody waits for it to connect.
  void inTurn(reinstall)

  return {
    stop: async () => {
      isStopping = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await inTurn(async () => {})
      for (const socket of open) socket.destroySoon()
      await closed
      await kept.close()
    },
  }
}
