/** Turns contract tables and their handlers into the service's Express app. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  defaultBodyLimitBytes,
  MeshError,
  roleIncludes,
  routesOfTable,
  type Caller,
  type HttpOperation,
  type HttpTable,
  type Locale,
  type ResponseOf,
  type Route,
} from '@clawmesh/contracts'
import express from 'express'
import type { z } from 'zod'
import { clientIpHeader, clientIpIn, type Call } from '../call.ts'
import type { IdentityTokens } from '../auth/identity-token.ts'
import {
  fromContract,
  toContract,
  type BodyShape,
  type ParamsShape,
  type QueryShape,
  type ResponseShape,
} from '../contract/index.ts'
import { declaredHttpError } from '../contract/declared-error.ts'
import type { Logger } from '../log/logger.ts'
import { traced } from '../telemetry/telemetry.ts'
import { cutText } from '../text/cut.ts'
import { sendError } from './errors.ts'
import { readJsonBody } from './json-body.ts'
import { withOpenAiUser } from './openai-user.ts'
import { isReply, reply, type Reply } from './reply.ts'
import { callerOf } from './request-context.ts'
import { validate } from './validate.ts'

/** What a handler gets: everything validated and in camelCase, and the call to pass on. */
export interface HandlerInput<O extends HttpOperation> {
  caller: Caller
  call: Call
  params: ParamsShape<O>
  query: QueryShape<O>
  body: BodyShape<O>
  headers: IncomingMessage['headers']
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

type AnyHandler = (input: unknown) => Promise<unknown>

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

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void

export interface HttpParts {
  tokens: IdentityTokens
  log: Logger
  /** Refuse to send what the contract does not allow. */
  checkResponses: boolean
}

/** `/v1/x/{id}/{path...}` in Express's spelling. */
const expressPath = (path: string): string => path.replace(/\{(\w+)\.\.\.\}/g, '*$1').replace(/\{(\w+)\}/g, ':$1')

const joinWildcards = (params: Record<string, string | string[]>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  )

const permits = (caller: Caller, { role, orScope }: HttpOperation): boolean =>
  role === 'public' || roleIncludes(caller.role, role) || (orScope !== undefined && caller.scopes.includes(orScope))

const refusal = (route: Route) =>
  new MeshError('FORBIDDEN', 'error.permission_denied', { what: route.path, role: route.definition.role })

/** Whether a caller may use a route. The edge and the service both ask; neither trusts the other to have. */
export const authorise = (caller: Caller, route: Route): void => {
  if (!permits(caller, route.definition)) throw refusal(route)
}

/** @throws INVALID_REQUEST naming the first faulty field */
const read = (schema: z.ZodType, value: unknown, locale: Locale): unknown =>
  fromContract(schema, validate(schema, value, locale))

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws PAYLOAD_TOO_LARGE, INVALID_REQUEST for no JSON unless the operation takes any body */
const bodyOf = async (
  request: express.Request,
  { bodyLimitBytes, lenientBody }: HttpOperation,
  { tenantId }: Caller,
): Promise<unknown> => {
  const body = readJsonBody(request, bodyLimitBytes ?? defaultBodyLimitBytes, tenantId)
  if (lenientBody !== true) return body
  const value = await body.catch((thrown: unknown) => {
    // What is no JSON has a cause; what is JSON and is refused for what it holds has none.
    if (thrown instanceof MeshError && thrown.code === 'INVALID_REQUEST' && thrown.cause !== undefined) return undefined
    throw thrown
  })
  return isObject(value) ? value : undefined
}

/** The query, under what the operation takes from a body in its place. @throws as `bodyOf` */
const queryOf = async (request: express.Request, definition: HttpOperation, sender: Caller): Promise<unknown> => {
  const { queryInBody } = definition
  if (queryInBody === undefined) return request.query
  const body = await bodyOf(request, definition, sender)
  if (!isObject(body)) return request.query
  const given = queryInBody.filter((name) => Object.hasOwn(body, name)).map((name) => [name, body[name]])
  return { ...request.query, ...Object.fromEntries(given) }
}

const inputOf = async (request: express.Request, response: ServerResponse, route: Route, sender: Caller) => {
  const { definition } = route
  const { locale } = sender
  if (request.url.includes('%00'))
    throw new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: cutText(request.path, 100) })
  const abort = new AbortController()
  response.on('close', () => {
    if (!response.writableFinished) abort.abort(new MeshError('CANCELLED', 'error.cancelled'))
  })
  const given = joinWildcards(request.params)
  const params = definition.params === undefined ? given : read(definition.params, given, locale)
  const query =
    definition.query === undefined ? {} : read(definition.query, await queryOf(request, definition, sender), locale)
  const body =
    definition.body === undefined ? undefined : read(definition.body, await bodyOf(request, definition, sender), locale)
  const caller = definition.dialect === 'openai' ? withOpenAiUser(sender, body) : sender
  return {
    caller,
    headers: request.headers,
    call: {
      caller,
      signal: abort.signal,
      requestId: String(request.headers['x-request-id'] ?? randomUUID()),
      ...clientIpIn(request.headers[clientIpHeader]),
    },
    params,
    query,
    body,
  }
}

const schemaOf = (definition: HttpOperation, status: number): z.ZodType => {
  const schema = definition.response[status]
  if (schema === undefined) throw new Error(`status ${status} is not declared`)
  return schema
}

/**
 * The app that answers tables. Every request is authenticated by the edge's token, authorised by the route's role and
 * validated before its handler.
 */
export const createHttpHandler = (
  implementations: readonly HttpImplementation[],
  { tokens, log, checkResponses }: HttpParts,
): HttpHandler => {
  const app = express()
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple')

  const serve = (route: Route, handler: AnyHandler): void => {
    const { definition } = route
    const successStatus = Number(Object.keys(definition.response)[0])

    app[route.method.toLowerCase() as 'get'](expressPath(route.path), async (request, response) => {
      let caller: Caller | undefined
      try {
        caller = await callerOf(request, tokens)
        authorise(caller, route)
        const input = await inputOf(request, response, route, caller)
        const result = await traced(
          {
            name: `${route.method} ${route.path}`,
            kind: 'server',
            carrier: request.headers,
            attributes: { 'http.request.method': route.method, 'http.route': route.path },
          },
          () => handler(input),
        )
        const answer = isReply(result) ? result : reply(successStatus, result)
        if (answer.kind === 'stream') return await answer.write(response)
        if (response.destroyed) return
        const schema = schemaOf(definition, answer.status)
        const body = answer.kind === 'verbatim' ? answer.body : toContract(schema, answer.body)
        const json = JSON.stringify(checkResponses ? schema.parse(body) : body)
        response.writeHead(answer.status, {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(json),
          ...answer.headers,
        })
        response.end(json)
      } catch (thrown) {
        const fault = checkResponses ? declaredHttpError(thrown, route.operation, definition) : thrown
        sendError({ request, response, thrown: fault, log, locale: caller?.locale })
      }
    })
  }
  for (const { table, handlers } of implementations)
    for (const route of routesOfTable(table)) serve(route, handlers[route.operation]!)

  app.use((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split('?')[0] ?? ''
    sendError({ request, response, log, thrown: new MeshError('NOT_FOUND', 'error.route_not_found', { path }) })
  })
  // Express itself refuses paths it cannot decode.
  app.use((thrown: unknown, request: IncomingMessage, response: ServerResponse, _next: () => void) => {
    const fault =
      thrown instanceof URIError
        ? new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: '%' }, { cause: thrown })
        : thrown
    sendError({ request, response, log, thrown: fault })
  })
  return app
}
