/**
 * Answers requests by contract tables: a head and bytes come in, a head and chunks go out. What carries them is below
 * (`node.ts`, and the links' `http-answer.ts`).
 */
import { randomUUID } from 'node:crypto'
import { parse as parseQuery } from 'node:querystring'
import {
  defaultBodyLimitBytes,
  MeshError,
  roleIncludes,
  routesOfTable,
  type Caller,
  type HttpOperation,
  type Locale,
  type Route,
} from '@clawmesh/contracts'
import type { z } from 'zod'
import type { IdentityTokens } from '../auth/identity-token.ts'
import { clientIpHeader, clientIpIn } from '../call.ts'
import { declaredHttpError } from '../contract/declared-error.ts'
import { fromContract, toContract } from '../contract/index.ts'
import type { Logger } from '../log/logger.ts'
import { traced } from '../telemetry/telemetry.ts'
import { cutText } from '../text/cut.ts'
import { withDialectUser } from './dialect-user.ts'
import { answerFailure } from './errors.ts'
import type { HttpExchange, Incoming, Outgoing, RequestHead, WholeAnswer } from './exchange.ts'
import type { AnyHandler, HttpImplementation } from './implement.ts'
import { parseBody } from './json-body.ts'
import { readUpload, type Upload } from './multipart.ts'
import { isReply, reply } from './reply.ts'
import { createRouteTable } from './route-table.ts'
import { validate } from './validate.ts'

export interface HttpParts {
  tokens: IdentityTokens
  log: Logger
  /** Refuse to send what the contract does not allow. */
  checkResponses: boolean
}

/** What stands in a request's address. */
export interface Address {
  readonly params: Readonly<Record<string, string>>
  readonly query: unknown
}

export interface HttpCore {
  readonly routes: readonly Route[]
  /** Answers a request whose route is known. */
  answer: (route: Route, address: Address, incoming: Incoming) => Promise<Outgoing>
  /** Finds the route, too. */
  exchange: HttpExchange
  /** The answer that says what went wrong, which is logged. */
  refuse: (head: RequestHead, thrown: unknown) => WholeAnswer
}

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
  incoming: Incoming,
  { bodyLimitBytes, lenientBody }: HttpOperation,
  { tenantId }: Caller,
): Promise<unknown> => {
  const bytes = await incoming.body(bodyLimitBytes ?? defaultBodyLimitBytes)
  if (lenientBody !== true) return parseBody(bytes, tenantId)
  try {
    const value = await parseBody(bytes, tenantId)
    return isObject(value) ? value : undefined
  } catch (thrown) {
    // What is no JSON has a cause; what is JSON and is refused for what it holds has none.
    if (thrown instanceof MeshError && thrown.code === 'INVALID_REQUEST' && thrown.cause !== undefined) return undefined
    throw thrown
  }
}

/** The query, under what the operation takes from a body in its place. @throws as `bodyOf` */
const queryOf = async (
  incoming: Incoming,
  query: unknown,
  definition: HttpOperation,
  sender: Caller,
): Promise<unknown> => {
  const { queryInBody } = definition
  if (queryInBody === undefined) return query
  const body = await bodyOf(incoming, definition, sender)
  if (!isObject(body)) return query
  const given = queryInBody.filter((name) => Object.hasOwn(body, name)).map((name) => [name, body[name]])
  return { ...(query as object), ...Object.fromEntries(given) }
}

/** What a body over its limit is answered with, where that is not 413. */
export const asLargeBody = (thrown: unknown, { largeBody }: Pick<HttpOperation, 'largeBody'>): unknown =>
  largeBody === 'invalid' && thrown instanceof MeshError && thrown.code === 'PAYLOAD_TOO_LARGE'
    ? new MeshError('INVALID_REQUEST', 'error.file_too_large', {}, { cause: thrown })
    : thrown

/** Reads the form of an operation that takes one; fields are checked once all of it has come. */
const uploadOf =
  (incoming: Incoming, definition: HttpOperation, locale: Locale): Upload =>
  async (take) => {
    const { upload, bodyLimitBytes } = definition
    const pieces = incoming.pieces(bodyLimitBytes ?? defaultBodyLimitBytes)
    const fields = await readUpload(incoming.headers, pieces, take).catch((thrown: unknown) => {
      throw asLargeBody(thrown, definition)
    })
    return read(upload!, fields, locale) as never
  }

const pathOf = (url: string): string => url.split('?', 1)[0]!

const inputOf = async (incoming: Incoming, address: Address, { definition }: Route, sender: Caller) => {
  const { method, url, headers } = incoming
  const { locale } = sender
  if (url.includes('%00'))
    throw new MeshError('INVALID_REQUEST', 'error.invalid_path', { path: cutText(pathOf(url), 100) })
  const signal = incoming.signal()
  const params =
    definition.params === undefined ? address.params : read(definition.params, { ...address.params }, locale)
  const query =
    definition.query === undefined
      ? {}
      : read(definition.query, await queryOf(incoming, address.query, definition, sender), locale)
  const body =
    definition.body === undefined
      ? undefined
      : read(definition.body, await bodyOf(incoming, definition, sender), locale)
  const { dialect } = definition
  const caller = dialect === 'openai' || dialect === 'anthropic' ? withDialectUser(sender, body) : sender
  return {
    caller,
    headers,
    method,
    call: {
      caller,
      signal,
      requestId: String(headers['x-request-id'] ?? randomUUID()),
      ...clientIpIn(headers[clientIpHeader]),
    },
    params,
    query,
    body,
    ...(definition.upload === undefined ? {} : { upload: uploadOf(incoming, definition, locale) }),
    ...(definition.rawBody === undefined
      ? {}
      : { raw: () => incoming.body(definition.bodyLimitBytes ?? defaultBodyLimitBytes) }),
  }
}

const schemaOf = (definition: HttpOperation, status: number): z.ZodType => {
  const schema = definition.response[status]
  if (schema === undefined) throw new Error(`status ${status} is not declared`)
  return schema
}

/**
 * Answers tables. Every request is authenticated by what vouches for its caller, authorised by the route's role and
 * validated before its handler.
 */
export const createHttpCore = (
  implementations: readonly HttpImplementation[],
  { log, checkResponses }: Pick<HttpParts, 'log' | 'checkResponses'>,
): HttpCore => {
  const handlers = new Map<Route, AnyHandler>(
    implementations.flatMap((each) =>
      routesOfTable(each.table).map((route) => [route, each.handlers[route.operation]!] as const),
    ),
  )
  const routes = [...handlers.keys()]
  const table = createRouteTable(routes)

  const refuse = ({ method, url, headers: asked }: RequestHead, thrown: unknown, locale?: Locale): WholeAnswer => {
    const requestId = asked['x-request-id'] as string | undefined
    const { status, headers, body } = answerFailure({ thrown, requestId, method, url, headers: asked, log, locale })
    return { kind: 'whole', status, headers, body, isError: true }
  }

  const wholeOf = (definition: HttpOperation, result: unknown): WholeAnswer | undefined => {
    const answer = isReply(result) ? result : reply(Number(Object.keys(definition.response)[0]), result)
    if (answer.kind === 'stream') return undefined
    const schema = schemaOf(definition, answer.status)
    const value = answer.kind === 'verbatim' ? answer.body : toContract(schema, answer.body)
    const body = JSON.stringify(checkResponses ? schema.parse(value) : value)
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      ...answer.headers,
    }
    return { kind: 'whole', status: answer.status, headers, body, isError: false }
  }

  const answer: HttpCore['answer'] = async (route, address, incoming) => {
    let caller: Caller | undefined
    const fail = (thrown: unknown): WholeAnswer => {
      // That nobody vouches for a caller is no answer of the operation's.
      const isItsOwn = checkResponses && caller !== undefined
      const fault = isItsOwn ? declaredHttpError(thrown, route.operation, route.definition) : thrown
      return refuse(incoming, fault, caller?.locale)
    }
    try {
      caller = await incoming.caller()
      authorise(caller, route)
      const input = await inputOf(incoming, address, route, caller)
      const result = await traced(
        {
          name: `${route.method} ${route.path}`,
          kind: 'server',
          carrier: incoming.headers,
          attributes: { 'http.request.method': route.method, 'http.route': route.path },
        },
        () => handlers.get(route)!(input),
      )
      if (!isReply(result) || result.kind !== 'stream') return wholeOf(route.definition, result)!
      return {
        kind: 'stream',
        write: async (response) => {
          try {
            await result.write(response)
            return undefined
          } catch (thrown) {
            const failure = fail(thrown)
            if (!response.headersSent) return failure
            response.destroy()
            return undefined
          }
        },
      }
    } catch (thrown) {
      return fail(thrown)
    }
  }

  const exchange: HttpExchange = (incoming) => {
    const { method, url } = incoming
    try {
      const { route, params } = table.match(method, url)
      const query = route.definition.query === undefined ? {} : parseQuery(url.slice(pathOf(url).length + 1))
      return answer(route, { params, query }, incoming)
    } catch (thrown) {
      return Promise.resolve(refuse(incoming, thrown))
    }
  }

  return { routes, answer, exchange, refuse }
}
