/** A program of the Agent Client Protocol with one conversation in it, for as long as both last. */
import { StringDecoder } from 'node:string_decoder'
import { cancelledBy, UpstreamFailure } from '../chat/protocols/failure.ts'
import { objectOf, textOf, type Json } from '../chat/protocols/json.ts'
import { readTextFile, writeTextFile } from './acp-files.ts'
import { checkPermitted, decidePermission, type PermissionMode } from './acp-permissions.ts'
import { createTerminals } from './acp-terminals.ts'
import { createPeer, type Peer } from './json-rpc.ts'
import { endReason, startProgram } from './program.ts'
import { createQueue } from './queue.ts'

const protocolVersion = 1
/** What it may write in a turn, and as one line. */
const turnBytes = 32 * 1024 * 1024
const lineChars = 10 * 1024 * 1024
const errorChars = 2_000
/** A turn that is called off has so long to end before the program is ended. */
const cancelGraceMs = 2_000

interface Start {
  program: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
  /** Where it works, and all that it may read and write through us. */
  folder: string
  permissions: PermissionMode
  /** Longest silence until it is ready, milliseconds. */
  withinMs: number
  /** Calls off the start, and nothing once it is ready. */
  signal?: AbortSignal | undefined
}

/** A piece of the answer, or of what is thought about it. */
export interface AnswerPiece {
  kind: 'text' | 'thinking'
  text: string
}

interface Turn {
  prompt: readonly Json[]
  signal?: AbortSignal | undefined
  /** Longest silence before the first message, and between two, milliseconds. */
  firstMs: number
  idleMs: number
}

export interface AcpSession {
  /** Whether a prompt may hold images. */
  readonly takesImages: boolean
  /** The process has ended, or is about to. */
  readonly isOver: () => boolean
  /**
   * Says something and yields what it answers until it is done. Leaving the loop calls the turn off.
   * @returns why it stopped
   * @throws UpstreamFailure
   */
  readonly ask: (turn: Turn) => AsyncGenerator<AnswerPiece, string, void>
  /** Fulfilled when nothing is left of a turn that was called off. */
  readonly atRest: () => Promise<void>
  /** Ends the program with all that it has started. */
  readonly end: () => Promise<void>
}

/** Calls back with each line. */
const createLineReader = (onLine: (line: string) => void, tooLong: () => void) => {
  const decoder = new StringDecoder('utf8')
  let pieces: string[] = []
  let chars = 0
  return (chunk: Buffer): void => {
    const [first = '', ...rest] = decoder.write(chunk).split('\n')
    pieces.push(first)
    chars += first.length
    for (const next of rest) {
      const line = pieces.join('')
      pieces = [next]
      chars = next.length
      if (line.trim() !== '') onLine(line)
    }
    if (chars > lineChars) tooLong()
  }
}

/** What an update tells of the answer; nothing where it tells of tools, plans and the like. */
const readUpdate = ({ sessionUpdate, content }: Json): AnswerPiece | undefined => {
  const text = textOf(objectOf(content)?.['text'])
  if (text === '') return undefined
  if (sessionUpdate === 'agent_message_chunk') return { kind: 'text', text }
  return sessionUpdate === 'agent_thought_chunk' ? { kind: 'thinking', text } : undefined
}

/**
 * Starts a program and begins a conversation with it.
 * @throws UpstreamFailure
 */
export const startAcpSession = async (start: Start): Promise<AcpSession> => {
  const { program, folder, permissions } = start
  const { signal: starting, ...lasting } = start
  const child = await startProgram({ ...lasting, cwd: folder, limitBytes: Infinity })
  const terminals = createTerminals(folder)
  let over: Error | undefined
  let onUpdate: ((update: Json) => void) | undefined
  let isCalledOff = false
  let open = 0
  let silenceMs = start.withinMs
  let timer: NodeJS.Timeout | undefined

  const fail = (reason: Error): void => {
    over ??= reason
    clearTimeout(timer)
    peer.close(over)
    void child.kill()
    void terminals.end()
  }
  /** Silence counts only while nothing of ours is waited for. */
  const expect = (): void => {
    clearTimeout(timer)
    if (silenceMs === 0 || open > 0 || over !== undefined) return
    timer = setTimeout(() => fail(new UpstreamFailure('timeout', `${program} is silent`)), silenceMs)
  }
  const permitted = (deed: 'read' | 'write', act: (params: Json) => Json | Promise<Json>) => (params: Json) => {
    checkPermitted(permissions, deed)
    return act(params)
  }
  const read = permitted('read', (params) => readTextFile(folder, params))
  const write = permitted('write', (params) => writeTextFile(folder, params))
  const decide = (params: Json) =>
    isCalledOff ? { outcome: { outcome: 'cancelled' } } : decidePermission(permissions, params)
  const peer: Peer = createPeer({
    write: (line) => new Promise((taken) => child.stdin.write(line, () => taken())),
    notified: (method, params) => {
      const update = objectOf(params['update'])
      if (method === 'session/update' && update !== undefined) onUpdate?.(update)
    },
    asked: (count) => {
      open = count
      expect()
    },
    answers: {
      'session/request_permission': decide,
      'fs/read_text_file': read,
      'fs/write_text_file': write,
      'terminal/create': permitted('write', terminals.create),
      'terminal/output': terminals.output,
      'terminal/wait_for_exit': terminals.waitForExit,
      'terminal/kill': terminals.kill,
      'terminal/release': terminals.release,
      // As programs of the protocol's first days called them.
      'permission/request': decide,
      'fs/readTextFile': read,
      'fs/writeTextFile': write,
      'terminal/waitForExit': terminals.waitForExit,
    },
  })

  let written = 0
  let errors = ''
  const tooMuch = () => fail(new UpstreamFailure('failed', `${program} wrote too much`))
  const take = (line: string): void => {
    if (over !== undefined) return
    try {
      peer.take(line)
      expect()
    } catch (thrown) {
      fail(thrown as Error)
    }
  }
  const readLines = createLineReader(take, tooMuch)
  child.stdout.on('data', (chunk: Buffer) => {
    written += chunk.length
    if (written > turnBytes) tooMuch()
    else readLines(chunk)
  })
  child.stderr.on('data', (piece: Buffer) => {
    errors = (errors + piece.toString('utf8')).slice(-errorChars)
  })
  void child.ended.then((end) => fail(endReason(end, program, errors)))

  const end = async (): Promise<void> => {
    fail(new UpstreamFailure('failed', `${program} was ended`))
    await Promise.all([child.ended, terminals.end()])
  }
  const called = async (method: string, params: Json): Promise<Json> => {
    expect()
    return peer.request(method, params)
  }

  let sessionId = ''
  let takesImages: boolean
  const cancelStart = () => fail(cancelledBy(starting!))
  starting?.addEventListener('abort', cancelStart, { once: true })
  if (starting?.aborted) cancelStart()
  try {
    const { protocolVersion: version, agentCapabilities } = await called('initialize', {
      protocolVersion,
      clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: true },
      clientInfo: { name: 'clawmesh', version: '1' },
    })
    if (version !== protocolVersion)
      throw new UpstreamFailure('failed', `${program} speaks version ${String(version)} of the protocol`)
    takesImages = objectOf(objectOf(agentCapabilities)?.['promptCapabilities'])?.['image'] === true
    sessionId = textOf((await called('session/new', { cwd: folder, mcpServers: [] }))['sessionId'])
  } catch (thrown) {
    await end()
    throw thrown
  } finally {
    starting?.removeEventListener('abort', cancelStart)
  }
  silenceMs = 0
  expect()

  let rest: Promise<void> = Promise.resolve()
  const callOff = (answered: Promise<unknown>): void => {
    isCalledOff = true
    peer.notify('session/cancel', { sessionId })
    rest = new Promise<void>((resolve) => {
      const grace = setTimeout(() => void end().then(resolve), cancelGraceMs)
      const settled = () => {
        clearTimeout(grace)
        resolve()
      }
      answered.then(settled, settled)
    })
  }

  return {
    takesImages,
    isOver: () => over !== undefined,
    atRest: () => rest,
    end,
    ask: async function* ({ prompt, signal, firstMs, idleMs }) {
      if (signal?.aborted) throw cancelledBy(signal)
      const updates = createQueue<AnswerPiece>()
      let isAnswered = false
      isCalledOff = false
      written = 0
      silenceMs = firstMs
      onUpdate = (update) => {
        silenceMs = idleMs
        const piece = readUpdate(update)
        if (piece !== undefined) updates.push(piece)
      }
      const answered = called('session/prompt', { sessionId, prompt: [...prompt] })
      answered.then(
        () => {
          isAnswered = true
          updates.end()
        },
        (thrown: unknown) => {
          isAnswered = true
          updates.end(thrown)
        },
      )
      const cancel = () => updates.end(cancelledBy(signal!))
      signal?.addEventListener('abort', cancel, { once: true })
      try {
        yield* updates.read()
        return textOf((await answered)['stopReason'])
      } finally {
        signal?.removeEventListener('abort', cancel)
        onUpdate = undefined
        silenceMs = 0
        expect()
        if (!isAnswered) callOff(answered)
      }
    },
  }
}
