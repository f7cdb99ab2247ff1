import type { Handlers } from '@clawmesh/chassis'
import { openApiDocument, type http } from '@clawmesh/contracts'
import { createFixedAnswer, replyFixed, type FixedAnswer } from './fixed-answer.ts'

/** The OpenAPI document under both its paths: the same bytes, made at the first request, readable from any page. */
export const createOpenApiHandlers = (version: string): Handlers<typeof http.gateway, 'getOpenApiSpec'> => {
  let document: FixedAnswer | undefined
  return {
    getOpenApiSpec: async ({ headers }) => {
      document ??= createFixedAnswer(JSON.stringify(openApiDocument(version)), 'application/json; charset=utf-8', {
        'access-control-allow-origin': '*',
      })
      return replyFixed(document, headers)
    },
  }
}
