/** Contract tables and the handlers that answer them. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller, HttpOperation, HttpTable, ResponseOf } from '@clawmesh/contracts'
import type { z } from 'zod'
import type { Call } from '../call.ts'
import type { BodyShape, ParamsShape, QueryShape, RequestShape, ResponseShape } from '../contract/index.ts'
import type { Upload } from './multipart.ts'
import type { Reply } from './reply.ts'

/** What a handler gets: everything validated and in camelCase, and the call to pass on. */
export interface HandlerInput<O extends HttpOperation> {
  caller: Caller
  call: Call
  params: ParamsShape<O>
  query: QueryShape<O>
  body: BodyShape<O>
  /** Reads the file of an operation that takes one, and then the fields beside it. */
  upload: O['upload'] extends z.ZodObject ? Upload<RequestShape<O['upload']>> : undefined
  /** Reads the body of an operation that takes one as bytes. @throws PAYLOAD_TOO_LARGE, CANCELLED */
  raw: O['rawBody'] extends readonly string[] ? () => Promise<Buffer> : undefined
  headers: IncomingHttpHeaders
  /** As it was sent: a GET may be a HEAD. */
  method: string
}

/** What a handler may answer, in camelCase; the transport translates it by the contract's schema. */
export type AnswerOf<O extends HttpOperation> = {
  [S in keyof O['response']]: ResponseShape<O['response'][S]>
}[keyof O['response']]

export type Handler<O extends HttpOperation> = (
  input: HandlerInput<O>,
) => Promise<AnswerOf<O> | Reply<AnswerOf<O>, ResponseOf<O>>>

/** A handler for every operation of a table. */
export type Handlers<S extends HttpTable> = {
  [N in keyof S['operations']]: Handler<S['operations'][N]>
}

export type AnyHandler = (input: unknown) => Promise<unknown>

/** A table and the handlers that answer it, checked against each other. */
export interface HttpImplementation {
  readonly table: HttpTable
  readonly handlers: Readonly<Record<string, AnyHandler>>
}

/**
 * Pairs a table with its handlers. Does not compile while one is missing. Two calls, so that the table's types are known
 * where the handlers are checked: `implementHttp(http.agents)({ ... })`.
 */
export const implementHttp =
  <S extends HttpTable>(table: S) =>
  (handlers: Handlers<S>): HttpImplementation => ({
    table,
    // They are matched by name; their types are checked here.
    handlers: handlers as unknown as HttpImplementation['handlers'],
  })
