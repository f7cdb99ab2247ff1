/** Responses over HTTP, whole or streamed, in either dialect. */
import { http } from '@clawmesh/contracts'
import { implementHttp, verbatim } from '@clawmesh/chassis'
import type { RunForeign } from '../foreign-runs.ts'
import { streamRun } from '../run-stream.ts'
import { responseWriter, wholeResponse } from './answer.ts'
import { responseRequest } from './request.ts'

export const createResponsesHttp = (runForeign: RunForeign) =>
  implementHttp(http.responses)({
    createResponse: async ({ caller, call, query, body, headers }) => {
      const request = responseRequest(body, headers)
      const dialect = query.dialect ?? (body.input == null ? 'goclaw' : 'openai')
      if (!request.stream) return verbatim(200, wholeResponse(await runForeign(call, request), body, dialect))
      return streamRun((observer) => runForeign(call, request, observer), responseWriter(body, dialect, caller.locale))
    },
  })
