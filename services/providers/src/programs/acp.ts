/**
 * Programs that speak the Agent Client Protocol as providers. One lives on for each session and keeps the conversation
 * itself; it reads and writes files, and runs commands, through us and in its folder only.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { basename, isAbsolute, join } from 'node:path'
import type { ChatMessage, ChatRequest, ChatResponse } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { derivedId } from '@clawmesh/chassis'
import { base64, isSystem, partsOf, textOfMessage } from '../chat/protocols/conversation.ts'
import { fileAsText } from '../chat/protocols/files.ts'
import { cancelledBy, toProviderError } from '../chat/protocols/failure.ts'
import { settleFinish } from '../chat/protocols/finish.ts'
import { listOf, textOf, type Json } from '../chat/protocols/json.ts'
import { timeoutsOf, type CallOptions } from '../chat/protocols/options.ts'
import { textDelta, thinkingDelta } from '../chat/protocols/protocol.ts'
import { refuseParameters } from '../chat/protocols/sampling.ts'
import { connectionType, type ProviderConnection } from '../providers/connection.ts'
import { permissionMode } from './acp-permissions.ts'
import { startAcpSession, type AnswerPiece } from './acp-session.ts'
import { earlierOf, lastSaid, markOf, textBlocks } from './earlier.ts'
import { claudeToken, notHere } from './program.ts'
import { inTurn } from './turns.ts'

const defaultIdleMs = 300_000
const mostIdleMs = 24 * 3_600_000
const mostArgs = 64

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** A duration like `5m` or `1h30m`, within a day. @returns milliseconds, the default for anything else */
export const idleTime = (setting: unknown): number => {
  const text = textOf(setting).slice(0, 40)
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h))+$/.test(text)) return defaultIdleMs
  const parts = [...text.matchAll(/(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)/g)]
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit!]!, 0)
  return Math.min(Math.max(ms, 1_000), mostIdleMs)
}

const contentOf = (message: ChatMessage | undefined, takesImages: boolean): Json[] =>
  (message === undefined ? [] : partsOf(message)).map((part) => {
    if ('text' in part) return { type: 'text', text: part.text }
    if ('file' in part) return { type: 'text', text: fileAsText(part.file) }
    if (!takesImages) return { type: 'text', text: `[an image, ${part.image.mimeType}, that cannot be shown]` }
    return { type: 'image', mimeType: part.image.mimeType, data: base64(part.image) }
  })

const noUsage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, thinkingTokens: 0 }

/** @throws as `chat` does; FAILED_PRECONDITION where the operator lets no programs run */
export async function* acpChat(
  connection: ProviderConnection,
  request: ChatRequest,
  options: CallOptions,
): AsyncGenerator<ChatResponse, void, void> {
  if (options.programs === undefined) throw notHere()
  const { dir: root, tenantId, sessions } = options.programs
  const type = connectionType(connection)
  refuseParameters({ connection }, request.sampling, type.refuses)
  const { args, idle_ttl, perm_mode, work_dir } = connection.settings
  const program = connection.apiBase.trim() || type.base
  const affinity = request.routing?.affinity ?? ''
  const isPassing = affinity === ''
  const sessionId = isPassing ? randomUUID() : derivedId(tenantId, affinity)
  const ownFolder = join(root, 'acp-workspaces', tenantId, sessionId)
  const folder = isAbsolute(textOf(work_dir)) ? textOf(work_dir) : ownFolder
  const start = {
    program,
    args: listOf(args).slice(0, mostArgs).map(textOf),
    folder,
    permissions: permissionMode(perm_mode),
  }
  const key = `${tenantId} ${connection.name} ${sessionId}`
  const { firstTokenMs, idleMs } = timeoutsOf(options)
  const leave = await inTurn(key, options.signal).catch((thrown: unknown) => {
    throw toProviderError(thrown, connection.name, [])
  })
  const [before, last] = lastSaid(request.messages)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const kept = await sessions.take({
      key,
      madeOf: JSON.stringify(start),
      asked: before && markOf(before),
      idleMs: idleTime(idle_ttl),
      signal: options.signal,
      start: (signal) =>
        startAcpSession({
          ...start,
          signal,
          env: basename(program).startsWith('claude') ? claudeToken() : {},
          withinMs: firstTokenMs,
        }),
    })
    if (options.signal?.aborted) throw cancelledBy(options.signal)
    const system = request.messages.filter(isSystem).map(textOfMessage).join('\n\n')
    const isNew = kept.system === undefined
    const preface = [kept.system === system ? '' : system, isNew ? earlierOf(request.messages) : '']
    kept.system = system
    kept.asked = last && markOf(last)
    const turn = kept.session.ask({
      prompt: [...textBlocks(preface), ...contentOf(last, kept.session.takesImages)],
      signal: options.signal,
      firstMs: firstTokenMs,
      idleMs,
    })
    const said = { text: '', thinking: '' }
    const stopReason = yield* relayed(turn, said, request.stream)
    yield {
      event: {
        $case: 'done',
        value: {
          content: said.text,
          thinking: said.thinking,
          usage: noUsage,
          toolCalls: [],
          finishReason: settleFinish(stopReason, false),
          provider: connection.name,
          model: request.model.trim() || connection.name,
          providerState: '',
        },
      },
    }
  } catch (thrown) {
    throw toProviderError(thrown, connection.name, [])
  } finally {
    if (isPassing) await sessions.end(key)
    else sessions.giveBack(key)
    leave()
    if (isPassing) await rm(ownFolder, { recursive: true, force: true })
  }
}

/** Gathers what is said, and passes it on where somebody waits for pieces. @returns why it stopped */
async function* relayed(
  turn: AsyncGenerator<AnswerPiece, string, void>,
  said: { text: string; thinking: string },
  isStreamed: boolean,
): AsyncGenerator<ChatResponse, string, void> {
  try {
    for (;;) {
      const next = await turn.next()
      if (next.done) return next.value
      const { kind, text } = next.value
      said[kind] += text
      if (isStreamed) yield kind === 'text' ? textDelta(text) : thinkingDelta(text)
    }
  } finally {
    // Leaving in the middle calls the turn off.
    await turn.return('')
  }
}
