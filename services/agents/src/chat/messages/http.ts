/** Messages over HTTP, whole, streamed or counted. */
import { http, tokensOfFile } from '@clawmesh/contracts'
import { implementHttp, verbatim } from '@clawmesh/chassis'
import type { AgentLookup } from '../../agents/lookup.ts'
import type { PromptTokens } from '../../runs/prompt-tokens.ts'
import { sumOf } from '../../runs/sizes.ts'
import type { NewMessage } from '../../sessions/types.ts'
import { mediaOf, textOf, type ForeignMedia, type ForeignMessage } from '../foreign-request.ts'
import { httpOrigin, type RunForeign } from '../foreign-runs.ts'
import { streamRun } from '../run-stream.ts'
import { messageWriter, wholeMessage } from './answer.ts'
import { countedRequest, messageRequest, showsThinking } from './request.ts'

export interface MessagesParts {
  runForeign: RunForeign
  lookup: Pick<AgentLookup, 'runnable'>
  promptTokens: PromptTokens
}

/** A message as it would be stored. */
const toStored = (message: ForeignMessage): NewMessage => {
  const said = { role: message.role, content: textOf(message.content) }
  return message.role === 'assistant' && message.toolCalls.length > 0
    ? { ...said, extra: { toolCalls: [...message.toolCalls] } }
    : said
}

/** What Anthropic counts for an image at most; what a document at a URL has is not known before it is fetched. */
const imageTokens = 1_600

const inlineType = /^data:([^;,]{1,100})/i

/** Tokens of an image or file, by what the request says of it. */
const mediaTokens = (media: ForeignMedia): number => {
  const url = 'file' in media ? media.file.url : ''
  const [, mimeType] = inlineType.exec(url.slice(0, 200)) ?? []
  return mimeType === undefined ? imageTokens : tokensOfFile(mimeType, Math.floor((url.length * 3) / 4))
}

export const createMessagesHttp = ({ runForeign, lookup, promptTokens }: MessagesParts) =>
  implementHttp(http.messages)({
    createMessage: async ({ caller, call, body, headers }) => {
      const { requestId } = call
      const request = messageRequest(body, headers)
      const shown = { model: body.model, showsThinking: showsThinking(body) }
      const named = { 'request-id': requestId }
      if (!request.stream) return verbatim(200, wholeMessage(await runForeign(call, request), shown), named)
      const writerOf = messageWriter({ ...shown, locale: caller.locale, requestId })
      return streamRun((observer) => runForeign(call, request, observer), writerOf, named)
    },

    countMessageTokens: async ({ caller, call, body, headers }) => {
      const { agentRef, messages, instructions, clientTools } = countedRequest(body, headers)
      const tokens = await promptTokens(call, {
        agent: await lookup.runnable(caller, agentRef),
        origin: httpOrigin,
        requestSystem: instructions,
        clientTools,
        messages: messages.map(toStored),
        mediaTokens: sumOf(
          messages.flatMap(({ content }) => mediaOf(content)),
          mediaTokens,
        ),
      })
      return verbatim(200, { input_tokens: tokens }, { 'request-id': call.requestId })
    },
  })
