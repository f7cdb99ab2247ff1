/** What every refusal of the mesh looks like. */
import { isDeepStrictEqual } from 'node:util'
import { errorKinds, errorStyleOfOperation, type ErrorCode, type ErrorStyle, type Route } from '@clawmesh/contracts'
import type { Answer } from '../support/all-in-one-request.ts'

/** Traces of the inside that no answer may show. */
const inside = /\n\s+at |node:internal|node_modules|\/work\/|\.ts:\d|ZodError|Prisma|PrismaClient|SELECT |ECONN/

export interface Refusal {
  code: ErrorCode
  style?: ErrorStyle | undefined
  /** A word that the text must have, such as the name of a field. */
  names?: string | undefined
}

/** The text of an error answer of any form; empty when there is none. */
export const errorText = ({ body, text, headers }: Answer<unknown>): string => {
  if (headers['content-type']?.startsWith('text/plain') === true) return text.trimEnd()
  const { error } = (body ?? {}) as { error?: unknown }
  if (typeof error === 'string') return error
  const message = (error as { message?: unknown } | undefined)?.message
  return typeof message === 'string' ? message : ''
}

/** The body of a refusal of a kind in the form of its route, with the text that it has. */
const bodyOf = (answer: Answer<unknown>, code: ErrorCode, style: ErrorStyle): unknown => {
  const { code: publicCode, retryable, openai, anthropic } = errorKinds[code]
  const text = errorText(answer)
  const { error } = (answer.body ?? {}) as { error?: { param?: unknown } }
  switch (style) {
    case 'text':
      return undefined
    case 'openai':
      return { error: { message: text, type: openai, code: publicCode, param: error?.param ?? null } }
    case 'anthropic':
      return { type: 'error', error: { type: anthropic, message: text }, request_id: answer.headers['request-id'] }
    default:
      return { ...(answer.body as object), error: text, code: publicCode, retryable }
  }
}

/** Asserts that an answer is an error of a code, in the form of its route, and shows nothing of the inside. */
export const expectRefusal = (answer: Answer<unknown>, { code, style = 'mesh', names = '' }: Refusal): void => {
  const text = errorText(answer)
  const seen = {
    status: answer.status,
    type: answer.headers['content-type'],
    body: answer.body,
    showsInside: inside.test(answer.text),
    says: text !== '' && (style !== 'text' || /[^\n]\n$/.test(answer.text)),
    // What clawgo's clients are refused with has the same words for everybody.
    names: style === 'text' || text.includes(names) ? names : text,
  }
  const wanted = {
    status: errorKinds[code].status,
    type: `${style === 'text' ? 'text/plain' : 'application/json'}; charset=utf-8`,
    body: bodyOf(answer, code, style),
    ...{ showsInside: false, says: true, names },
  }
  // Tens of thousands of answers come here, and each `expect` costs as much as some of them.
  if (!isDeepStrictEqual(seen, wanted)) expect({ ...seen, text: answer.text }).toEqual({ ...wanted, text: answer.text })
}

export const styleOf = ({ definition }: Route): ErrorStyle => errorStyleOfOperation(definition)
