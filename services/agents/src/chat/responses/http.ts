/** Responses over HTTP, whole or streamed, in either dialect. */
import { http } from '@clawmesh/contracts'
import { implementHttp, verbatim } from '@clawmesh/chassis'
import type { RunObserver } from '../../runs/types.ts'
import type { RunForeign } from '../foreign-runs.ts'
import { streamRun } from '../run-stream.ts'
import { responseWriter, wholeResponse } from './answer.ts'
import { responseRequest } from './request.ts'

/** Counts the messages that a stream would show before the last one. */
const countCommentaries = () => {
  let isOpen = false
  let count = 0
  const observer: RunObserver = {
    text: () => {
      isOpen = true
    },
    toolCall: () => {
      isOpen = false
    },
    busy: () => {
      if (isOpen) count++
      isOpen = false
    },
  }
  return { observer, count: () => count }
}

export const createResponsesHttp = (runForeign: RunForeign) =>
  implementHttp(http.responses)({
    createResponse: async ({ caller, call, query, body, headers }) => {
      const request = responseRequest(body, headers)
      const dialect = query.dialect ?? (body.input == null ? 'goclaw' : 'openai')
      if (!request.stream) {
        const commentaries = countCommentaries()
        const result = await runForeign(call, request, commentaries.observer)
        return verbatim(200, wholeResponse(result, body, dialect, commentaries.count()))
      }
      return streamRun((observer) => runForeign(call, request, observer), responseWriter(body, dialect, caller.locale))
    },
  })
