/**
 * The `claude` program as a provider. It keeps the conversation itself, in a folder of the session: it is told the system
 * prompt, what was said without it, and what the user said last. Its own tools are off, as nobody would ask whether they may run here.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  ChatMessage,
  ChatRequest,
  ChatResponse,
  Usage,
} from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { sha256Hex } from '@clawmesh/chassis'
import { isSystem, partsOf, textOfMessage } from '../chat/protocols/conversation.ts'
import { cutOff, toProviderError, UpstreamFailure } from '../chat/protocols/failure.ts'
import { countOf, listOf, objectOf, parseJson, textOf, type Json } from '../chat/protocols/json.ts'
import { timeoutsOf, type CallOptions } from '../chat/protocols/options.ts'
import { textDelta, thinkingDelta } from '../chat/protocols/protocol.ts'
import { contentBlock } from '../chat/protocols/anthropic/messages.ts'
import { withTakenFiles } from '../chat/protocols/files.ts'
import { refuseParameters } from '../chat/protocols/sampling.ts'
import { connectionType, resolveModel, type ProviderConnection } from '../providers/connection.ts'
import { earlierOf, lastSaid, markOf, textBlocks } from './earlier.ts'
import { notHere, programLines } from './program.ts'
import { inTurn } from './turns.ts'

const limitBytes = 32 * 1024 * 1024
const ownTools =
  'Bash Edit MultiEdit Write NotebookEdit Read Glob Grep LS WebFetch WebSearch Task TodoWrite Skill SlashCommand'

/**
 * The id of a conversation (UUID v8, RFC 9562). The program and its folder are found by it again, so it must never be made in
 * another way.
 */
export const claudeSessionId = (tenantId: string, affinity: string): string => {
  const hex = sha256Hex(`${tenantId} ${affinity}`)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Holds the mark of what the program was asked last; empty where an earlier release has begun the session. */
const heardFile = '.begun'

/** Makes the folder of a session. @returns what it holds of the program's, undefined where the program does not know it */
const openSession = async (dir: string): Promise<string | undefined> => {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  return readFile(join(dir, heardFile), 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined
    throw thrown
  })
}

const contentOf = (message: ChatMessage | undefined): Json[] =>
  (message === undefined ? [] : partsOf(message)).map(contentBlock)

const usageOf = (usage: Json): Usage => {
  const cacheReadTokens = countOf(usage['cache_read_input_tokens'])
  const cacheCreationTokens = countOf(usage['cache_creation_input_tokens'])
  return {
    inputTokens: countOf(usage['input_tokens']) + cacheReadTokens + cacheCreationTokens,
    outputTokens: countOf(usage['output_tokens']),
    cacheReadTokens,
    cacheCreationTokens,
    thinkingTokens: 0,
  }
}

/** What its lines say: pieces of the answer as they come, and the result at the end. */
const createReader = () => {
  let text = ''
  let thinking = ''
  let hasPieces = false
  let result: Json | undefined
  const add = (kind: 'text' | 'thinking', piece: string): ChatResponse[] => {
    if (piece === '') return []
    if (kind === 'text') text += piece
    else thinking += piece
    return [kind === 'text' ? textDelta(piece) : thinkingDelta(piece)]
  }
  return {
    take: (line: string): ChatResponse[] => {
      if (line.trim() === '') return []
      const event = objectOf(parseJson(line))
      if (event === undefined) throw cutOff('a line that is not JSON')
      if (event['type'] === 'result') result = event
      if (event['type'] === 'stream_event') {
        const delta = objectOf(objectOf(event['event'])?.['delta'])
        hasPieces ||= delta !== undefined
        return [...add('thinking', textOf(delta?.['thinking'])), ...add('text', textOf(delta?.['text']))]
      }
      if (event['type'] !== 'assistant' || hasPieces) return []
      return listOf(objectOf(event['message'])?.['content']).flatMap((block) => {
        const fields = objectOf(block)
        return [...add('thinking', textOf(fields?.['thinking'])), ...add('text', textOf(fields?.['text']))]
      })
    },
    /** @throws UpstreamFailure unless it has said that it is done */
    answer: () => {
      if (result === undefined) throw cutOff('ended without a result')
      const said = textOf(result['result'])
      if (result['is_error'] === true) throw new UpstreamFailure('failed', said || textOf(result['subtype']))
      return { content: text || said, thinking, usage: usageOf(objectOf(result['usage']) ?? {}) }
    },
  }
}

/** @throws as `chat` does; FAILED_PRECONDITION where the operator lets no programs run */
export async function* claudeCliChat(
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
): AsyncGenerator<ChatResponse, void, void> {
  if (options.programs === undefined) throw notHere()
  const { dir: root, tenantId } = options.programs
  const type = connectionType(connection)
  const target = { connection, type, base: '', key: '' }
  refuseParameters(target, request.sampling, type.refuses)
  const model = resolveModel(target, request.model)
  const affinity = request.routing?.affinity ?? ''
  // To one without affinity nobody comes back.
  const isPassing = affinity === ''
  const sessionId = isPassing ? randomUUID() : claudeSessionId(tenantId, affinity)
  const dir = join(root, 'claude-cli', tenantId, sessionId)
  const { firstTokenMs, idleMs } = timeoutsOf(options)
  const leave = await inTurn(sessionId, options.signal).catch((thrown: unknown) => {
    throw toProviderError(thrown, connection.name, [])
  })
  try {
    const heard = await openSession(dir)
    const system = request.messages.filter(isSystem).map(textOfMessage).join('\n\n')
    await writeFile(join(dir, 'CLAUDE.md'), system, { mode: 0o600 })
    const messages = withTakenFiles(connection.name, request.messages, type.files)
    const [, last] = lastSaid(messages)
    const missed = heard === '' ? '' : earlierOf(messages, heard)
    const content = [...textBlocks([missed]), ...contentOf(last)]
    const reader = createReader()
    const lines = programLines({
      program: connection.apiBase.trim() || type.base,
      args: [
        ...['-p', '--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose'],
        ...['--include-partial-messages', '--model', model, '--disallowedTools', ownTools.replaceAll(' ', ',')],
        ...(heard === undefined ? ['--session-id', sessionId] : ['--resume', sessionId]),
      ],
      cwd: dir,
      input: `${JSON.stringify({ type: 'user', message: { role: 'user', content } })}\n`,
      signal: options.signal,
      firstLineMs: firstTokenMs,
      idleMs,
      limitBytes,
    })
    for await (const line of lines) {
      const pieces = reader.take(line)
      if (request.stream) yield* pieces
    }
    const answer = reader.answer()
    if (!isPassing) await writeFile(join(dir, heardFile), last === undefined ? '' : markOf(last))
    yield {
      event: {
        $case: 'done',
        value: { ...answer, toolCalls: [], finishReason: 'stop', provider: connection.name, model, providerState: '' },
      },
    }
  } catch (thrown) {
    throw toProviderError(thrown, connection.name, [])
  } finally {
    leave()
    if (isPassing) await rm(dir, { recursive: true, force: true })
  }
}
