import { openApiDocument } from '@clawmesh/contracts'
import { createFixedAnswer, type FixedAnswer } from './fixed-answer.ts'

/** The OpenAPI document: the same bytes, made at the first request, readable from any page. */
export const createOpenApiAnswer = (version: string): (() => FixedAnswer) => {
  let document: FixedAnswer | undefined
  return () =>
    (document ??= createFixedAnswer(JSON.stringify(openApiDocument(version)), 'application/json; charset=utf-8', {
      'access-control-allow-origin': '*',
    }))
}
