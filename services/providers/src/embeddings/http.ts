/** Vectors as OpenAI's clients ask for them. Source: OpenAI API reference, "Create embeddings". */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { http, MeshError, type BodyOf } from '@clawmesh/contracts'
import type { Vector } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { checkParameters, implementHttp, streamed, type Call } from '@clawmesh/chassis'
import type { CallOptions } from '../chat/protocols/options.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import { embed } from './embed.ts'

type Body = BodyOf<(typeof http.embeddings.operations)['createEmbedding']>

const declared = Object.keys(http.embeddings.operations.createEmbedding.body.shape)

/** @throws INVALID_REQUEST for texts as tokens */
const textsOf = ({ input }: Body): string[] => {
  const texts = [input].flat()
  if (texts.every((text) => typeof text === 'string')) return texts
  throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
    field: 'input',
    reason: 'texts are taken as text only, not as tokens',
  })
}

const base64Of = ({ values }: Vector): string => {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, at) => bytes.writeFloatLE(value, at * 4))
  return bytes.toString('base64')
}

/** Vectors written before others get a turn: many wide ones are tens of megabytes. */
const vectorsAtOnce = 32

interface Answer {
  vectors: readonly Vector[]
  model: string
  inputTokens: number
  isBase64: boolean
}

/** The JSON text of an answer, in pieces. */
async function* piecesOf({ vectors, model, inputTokens, isBase64 }: Answer): AsyncGenerator<string> {
  const entryOf = (vector: Vector, index: number): string =>
    JSON.stringify({ object: 'embedding', index, embedding: isBase64 ? base64Of(vector) : vector.values })
  yield '{"object":"list","data":['
  for (let from = 0; from < vectors.length; from += vectorsAtOnce) {
    const entries = vectors.slice(from, from + vectorsAtOnce).map((vector, at) => entryOf(vector, from + at))
    yield `${from === 0 ? '' : ','}${entries.join(',')}`
    await nextTurn()
  }
  const usage = { prompt_tokens: inputTokens, total_tokens: inputTokens }
  yield `],"model":${JSON.stringify(model)},"usage":${JSON.stringify(usage)}}`
}

/** Writes the answer at the pace of its reader. */
const written = (answer: Answer) =>
  streamed(async (response) => {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
    // A reader who leaves is no fault.
    await pipeline(Readable.from(piecesOf(answer)), response).catch(() => undefined)
  })

export const createEmbeddingsHttp = (selection: ProviderSelection, optionsOf: (call: Call) => CallOptions) =>
  implementHttp(http.embeddings)({
    createEmbedding: async ({ call, body }) => {
      checkParameters(body, declared, { hints: [], refused: {} })
      const texts = textsOf(body)
      const choice = await selection.forEmbedding(call)
      if (choice === undefined) throw new MeshError('FAILED_PRECONDITION', 'error.embedding_not_configured')
      const named = /^(?:goclaw|agent):/.test(body.model) ? '' : body.model.trim()
      const isOwn = named === '' || named === choice.model
      const answer = await embed(
        choice.connection,
        {
          texts,
          model: named || choice.model,
          dimensions: body.dimensions ?? (isOwn ? choice.dimensions : 0),
        },
        optionsOf(call),
      )
      return written({ ...answer, isBase64: body.encoding_format === 'base64' })
    },
  })
