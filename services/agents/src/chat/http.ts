/** Runs over HTTP: what OpenAI's clients ask for, whole or streamed, and wake. */
import { http, type Caller } from '@clawmesh/contracts'
import { implementHttp, verbatim } from '@clawmesh/chassis'
import type { AgentLookup } from '../agents/lookup.ts'
import type { Run } from '../runs/use-cases.ts'
import { wakeSessionKey } from '../sessions/session-keys.ts'
import { chunkWriter, toUsage, wholeCompletion } from './completions/answer.ts'
import { completionRequest } from './completions/request.ts'
import type { RunForeign } from './foreign-runs.ts'
import { resumptionOf, type createResumable } from './resumable.ts'
import { streamRun } from './run-stream.ts'

const asUser = (caller: Caller, userId: string): Caller => ({ ...caller, userId })

export interface ChatParts {
  run: Run
  runForeign: RunForeign
  lookup: Pick<AgentLookup, 'runnable'>
  resumable: ReturnType<typeof createResumable>
}

export const createChatHttp = ({ run, runForeign, lookup, resumable }: ChatParts) =>
  implementHttp(http.chat)({
    createChatCompletion: async ({ caller, call, body, headers }) => {
      const { model } = body
      const request = completionRequest(body, headers)
      if (!request.stream) return verbatim(200, wholeCompletion(await runForeign(call, request), model))
      const includeUsage = body.stream_options?.include_usage === true
      const writerOf = chunkWriter({ model, includeUsage, locale: caller.locale })
      const resumption = resumptionOf(headers)
      if (resumption !== undefined) return resumable(call, resumption, request, writerOf)
      return streamRun((observer) => runForeign(call, request, observer), writerOf)
    },

    wakeAgent: async ({ caller: sender, call, params, body }) => {
      const userId = sender.userBound ? sender.userId : (body.userId ?? sender.userId)
      const caller = asUser(sender, userId)
      const agent = await lookup.runnable(caller, params.id)
      const { content, runId, usage } = await run(
        { ...call, caller },
        {
          caller,
          agent,
          sessionKey: body.sessionKey ?? wakeSessionKey(params.id),
          message: body.message,
          parts: [],
          priorTurns: [],
          requestSystem: '',
          origin: { channel: 'wake', chatId: 'api', peerKind: 'direct' },
          userId,
          stream: false,
        },
      )
      return verbatim(200, { content, run_id: runId, usage: usage && toUsage(usage) })
    },
  })
