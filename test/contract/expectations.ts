/** What every refusal of the mesh looks like. */
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

/** Asserts that an answer is an error of a code, in the form of its route, and shows nothing of the inside. */
export const expectRefusal = (answer: Answer<unknown>, { code, style = 'mesh', names }: Refusal): void => {
  const { status, code: publicCode, retryable, openai, anthropic } = errorKinds[code]
  expect({ status: answer.status, text: answer.text }).toEqual({ status, text: answer.text })
  const type = style === 'text' ? 'text/plain' : 'application/json'
  expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`)
  expect(answer.text).not.toMatch(inside)
  if (style === 'text') expect(answer.text).toMatch(/[^\n]\n$/)
  else if (style === 'openai')
    expect(answer.body).toEqual({
      error: {
        message: expect.any(String),
        type: openai,
        code: publicCode,
        param: (answer.body as { error: { param: unknown } }).error.param,
      },
    })
  else if (style === 'anthropic')
    expect(answer.body).toEqual({
      type: 'error',
      error: { type: anthropic, message: expect.any(String) },
      request_id: answer.headers['request-id'],
    })
  else expect(answer.body).toEqual(expect.objectContaining({ error: expect.any(String), code: publicCode, retryable }))
  expect(errorText(answer)).not.toBe('')
  // What clawgo's clients are refused with has the same words for everybody.
  if (names !== undefined && style !== 'text') expect(errorText(answer)).toContain(names)
}

export const styleOf = ({ definition }: Route): ErrorStyle => errorStyleOfOperation(definition)
