/** The commands that a program lets us run for it, in its folder. */
import { randomUUID } from 'node:crypto'
import { StringDecoder } from 'node:string_decoder'
import { startChild, type Child, type ChildEnd } from '@clawmesh/chassis/exec'
import { countOf, listOf, objectOf, textOf, type Json } from '../chat/protocols/json.ts'
import { pathInside } from './acp-files.ts'
import { Refusal } from './json-rpc.ts'

/** Of one program at once. */
const mostTerminals = 16
/** The end of an output that is kept, at most. */
const mostKeptBytes = 10 * 1024 * 1024
const limits = { memoryBytes: 2 * 1024 ** 3, processes: 64, outputBytes: 64 * 1024 * 1024, timeoutMs: 600_000 }

interface Terminal {
  child: Child
  output: () => { output: string; truncated: boolean }
  end: () => ChildEnd | undefined
}

/** The end of what comes, whole characters only. */
const createTail = (most: number) => {
  let kept: Buffer = Buffer.alloc(0)
  let pieces: Buffer[] = []
  let bytes = 0
  let truncated = false
  const join = () => {
    kept = Buffer.concat([kept, ...pieces])
    pieces = []
    if (kept.length <= most) return
    truncated = true
    let from = kept.length - most
    // Not in the middle of a character.
    while (from < kept.length && (kept[from]! & 0xc0) === 0x80) from++
    kept = kept.subarray(from)
    bytes = kept.length
  }
  return {
    add: (piece: Buffer) => {
      pieces.push(piece)
      bytes += piece.length
      if (bytes > 2 * most + 65_536) join()
    },
    read: () => {
      join()
      return { output: new StringDecoder('utf8').write(kept), truncated }
    },
  }
}

const exitOf = ({ exitCode, breach }: ChildEnd): Json => ({
  exitCode: exitCode ?? null,
  signal: exitCode === undefined ? (breach === undefined ? 'SIGTERM' : 'SIGKILL') : null,
})

const environmentOf = (given: unknown): Record<string, string> =>
  Object.fromEntries(
    listOf(given).flatMap((variable) => {
      const { name, value } = objectOf(variable) ?? {}
      return typeof name === 'string' && /^\w{1,100}$/.test(name) ? [[name, textOf(value)] as const] : []
    }),
  )

const overRefusal = () => new Refusal('the session is over')

/** @throws Refusal */
const startCommand = async (folder: string, { command, args, env, cwd }: Json): Promise<Child> => {
  try {
    return await startChild({
      command: textOf(command),
      args: listOf(args).map(textOf),
      env: environmentOf(env),
      cwd: cwd === undefined || cwd === null ? folder : await pathInside(folder, textOf(cwd)),
      limits,
    })
  } catch (thrown) {
    throw thrown instanceof Refusal ? thrown : new Refusal('the command cannot be started')
  }
}

/** @param folder where commands run, unless they name a folder inside it */
export const createTerminals = (folder: string) => {
  const terminals = new Map<string, Terminal>()
  /** Counted from their first moment on, by those that come at the same time and by the end. */
  const starting = new Set<Promise<Json>>()
  let isOver = false
  const terminalOf = ({ terminalId }: Json): Terminal => {
    const terminal = terminals.get(textOf(terminalId))
    if (terminal === undefined) throw new Refusal('there is no such terminal')
    return terminal
  }

  const begin = async ({ outputByteLimit, ...params }: Json): Promise<Json> => {
    const child = await startCommand(folder, params)
    if (isOver) {
      await child.kill()
      throw overRefusal()
    }
    child.stdin.end()
    const wanted = countOf(outputByteLimit)
    const tail = createTail(wanted === 0 ? mostKeptBytes : Math.min(wanted, mostKeptBytes))
    for (const stream of [child.stdout, child.stderr]) stream.on('data', tail.add)
    let end: ChildEnd | undefined
    void child.ended.then((ended) => (end = ended))
    const id = randomUUID()
    terminals.set(id, { child, output: tail.read, end: () => end })
    return { terminalId: id }
  }

  return {
    create: async (params: Json): Promise<Json> => {
      if (isOver) throw overRefusal()
      if (terminals.size + starting.size >= mostTerminals) throw new Refusal('too many terminals')
      const begun = begin(params)
      starting.add(begun)
      try {
        return await begun
      } finally {
        starting.delete(begun)
      }
    },
    output: (params: Json): Json => {
      const terminal = terminalOf(params)
      const end = terminal.end()
      return { ...terminal.output(), ...(end === undefined ? {} : { exitStatus: exitOf(end) }) }
    },
    waitForExit: async (params: Json): Promise<Json> => exitOf(await terminalOf(params).child.ended),
    kill: async (params: Json): Promise<Json> => {
      await terminalOf(params).child.kill()
      return {}
    },
    release: async (params: Json): Promise<Json> => {
      const { child } = terminalOf(params)
      terminals.delete(textOf(params['terminalId']))
      await child.kill()
      return {}
    },
    /** Ends all that still runs or is about to; nothing is started any more. */
    end: async (): Promise<void> => {
      isOver = true
      const ended = [...terminals.values()].map(({ child }) => child.kill())
      terminals.clear()
      await Promise.allSettled([...ended, ...starting])
    },
  }
}
