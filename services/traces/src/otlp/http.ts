import { http } from '@clawmesh/contracts'
import { implementHttp, streamed } from '@clawmesh/chassis'
import { encodeResponse } from './protobuf.ts'
import type { Rejected } from './read.ts'
import { encodingOf, readRequest, type Encoding } from './request.ts'
import type { OtlpUseCases } from './use-cases.ts'

const answered = (encoding: Encoding, { spans, reasons }: Rejected) => {
  const message = [...reasons].join('; ')
  if (encoding === 'application/json')
    return spans === 0 ? {} : { partialSuccess: { rejectedSpans: String(spans), errorMessage: message } }
  const bytes = encodeResponse(spans === 0 ? undefined : { spans, message })
  return streamed(async (response) => {
    response.writeHead(200, { 'content-type': encoding, 'content-length': bytes.length })
    response.end(bytes)
  })
}

export const createOtlpHttp = (otlp: OtlpUseCases) =>
  implementHttp(http.otlp)({
    exportOtlpTraces: async ({ caller, headers, raw }) => {
      const encoding = encodingOf(headers['content-type'])
      const read = (bytes: Buffer) => readRequest(bytes, encoding, headers['content-encoding'])
      return answered(encoding, await otlp.take(caller, raw, read))
    },
  })
