/** The OpenAPI 3.1 document, derived from the HTTP tables. */
import { z } from 'zod'
import { errorStyleOfOperation } from './error-style.ts'
import { allRoutes } from './index.ts'
import { ruleIdsOf } from '../rules.ts'
import type { Route } from './routes.ts'
import { bucketOf, defaultBodyLimitBytes, errorStatusesOf, takesIdempotencyKey, type ServiceName } from './operation.ts'
import { errorResponses, errorSchemas, rateLimitHeaders } from './openapi-errors.ts'
import { createExampleMaker } from './openapi-examples.ts'
import { createSchemaComponents, type JsonSchema } from './openapi-schemas.ts'

const tags: Readonly<Record<ServiceName, string>> = {
  agents: 'Agents, their sessions, and turns with them',
  channels: 'Chat channels that agents answer in',
  gateway: 'Health and documentation of the server',
  identity: 'Tenants, their users, API keys and configuration',
  memory: 'What agents remember: documents and search over them',
  packages: 'Runtimes and packages of the machine that tools run on',
  providers: 'LLM and embedding providers',
  tools: 'Tools that agents may use',
  traces: 'What agents did, what it cost, and who changed what',
}

const text = { type: 'string' }
const parameter = (name: string, description: string, schema: JsonSchema = text) => ({
  name,
  in: 'header',
  required: false,
  description,
  schema,
})

/** Headers that every operation takes. */
const commonParameters = {
  AcceptLanguage: parameter('Accept-Language', 'Languages for texts, the first known of en, vi and zh counts'),
  RequestId: parameter('X-Request-Id', 'Follows the request through the mesh; one is made where it is absent', {
    type: 'string',
    pattern: '^[A-Za-z0-9._-]{1,128}$',
  }),
}
/** Headers that say who calls, for operations that need a credential. */
const callerParameters = {
  UserId: parameter('X-GoClaw-User-Id', 'The end user for whom the caller speaks; over 255 bytes counts as absent'),
  TenantId: parameter('X-GoClaw-Tenant-Id', 'Id or slug of a tenant, for callers that may choose one'),
}

/** For operations that create or start something. */
const idempotencyParameters = {
  IdempotencyKey: parameter(
    'Idempotency-Key',
    'Repeats of a request with the same key within 24 hours get the answer of the first, and change nothing; ' +
      'a text in quotes (RFC 9651) or a bare word',
    { type: 'string', maxLength: 257 },
  ),
}

const tokenParameter = {
  name: 'token',
  in: 'query',
  required: false,
  description: 'The credential, where no Authorization header can be sent',
  schema: text,
}

const signatureParameters = [
  ['ft', 'Signature and expiry of an address that was handed out; with it no other credential counts'],
  ['fb', 'Whom the signed address was made for'],
].map(([name, description]) => ({ name, in: 'query', required: false, description, schema: text }))

const seconds = { type: 'integer', minimum: 0 }
const responseHeaders = {
  RequestId: { description: 'The id under which the logs and traces have this request', schema: text },
  RetryAfter: { description: 'Seconds after which it is worth repeating, rounded up', schema: seconds },
  RetryAfterMs: { description: 'Milliseconds after which it is worth repeating', schema: seconds },
  ShouldRetry: {
    description: 'Whether the same request may succeed later',
    schema: { type: 'string', enum: ['true', 'false'] },
  },
  RateLimitLimit: { description: 'Runs that may be started at once after a pause', schema: seconds },
  RateLimitRemaining: { description: 'Runs that may be started now', schema: seconds },
  RateLimitReset: { description: 'Seconds until the whole limit is there again', schema: seconds },
  IdempotencyReplayed: {
    description: 'The request had run before, and this is what it was answered then',
    schema: { type: 'string', const: 'true' },
  },
  Challenge: { description: 'How to authenticate', schema: { type: 'string', const: 'Bearer' } },
}

const references = (kind: string, components: object): object[] =>
  Object.keys(components).map((name) => ({ $ref: `#/components/${kind}/${name}` }))

const bearerAuth = {
  type: 'http',
  scheme: 'bearer',
  description:
    "The gateway token, an API key (`goclaw_` and 32 hex digits), or a JWT of one of the tenant's OIDC issuers",
}

/** For operations that take the key in a header of its own. */
const keyAuth = {
  type: 'apiKey',
  in: 'header',
  name: 'X-Api-Key',
  description: "What bearerAuth takes, as Anthropic's clients send it",
}

const capitalised = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)
const formFile = z.string().meta({ format: 'binary' })
const isText = (schema: z.ZodType): boolean => schema instanceof z.ZodString
const isNothing = (schema: z.ZodType): boolean => schema instanceof z.ZodUndefined

/** Who may call, in words. */
const permission = ({ role, orScope, ownerOnly }: Route['definition']): string => {
  if (role === 'public') return 'Needs no credential.'
  const scope = orScope === undefined ? '' : `, or an API key with scope \`${orScope}\``
  return `Needs role \`${role}\`${scope}.${ownerOnly ? ' Only the owner of the resource or a system owner passes.' : ''}`
}

/** Sentences of behaviour as a list. */
const listed = (rules: Route['definition']['rules'] = {}): string =>
  Object.values(rules)
    .map((sentence) => `- ${sentence}`)
    .join('\n')

const describe = ({ definition }: Route): string =>
  [definition.description, listed(definition.rules), permission(definition)]
    .filter((part) => part !== undefined && part !== '')
    .join('\n\n')

/** The merged OpenAPI document of all services. */
export const openApiDocument = (version: string): object => {
  const components = createSchemaComponents()
  const errors = errorResponses()
  const exampleOf = createExampleMaker(components)
  Object.assign(components.schemas, errorSchemas)

  /** A schema with its example; `whole` gives an object a name of its own. */
  const jsonContent = (schema: z.ZodType, io: 'input' | 'output', name: string): object => {
    const converted = components.schemaOf(schema, io)
    const example = exampleOf(converted, name)
    return { 'application/json': { schema: components.named(name, converted), example } }
  }

  const parametersIn = (place: 'path' | 'query', names: readonly string[], shape: Record<string, z.ZodType>) =>
    names.map((name) => {
      const { description, ...schema }: JsonSchema = shape[name] ? components.schemaOf(shape[name], 'input') : text
      return {
        name,
        in: place,
        required: place === 'path' || !shape[name]!.safeParse(undefined).success,
        ...(description === undefined ? {} : { description }),
        schema,
      }
    })

  const parametersOf = ({ path, definition }: Route): object[] => [
    ...parametersIn(
      'path',
      [...path.matchAll(/\{(\w+)(?:\.{3})?\}/g)].map(([, name]) => name!),
      definition.params?.shape ?? {},
    ),
    ...parametersIn('query', Object.keys(definition.query?.shape ?? {}), definition.query?.shape ?? {}),
    ...(definition.signedUrl === true ? signatureParameters : []),
    ...(definition.queryToken === true ? [tokenParameter] : []),
    ...Object.entries(definition.headers ?? {}).map(([name, about]) => parameter(name, about)),
    ...references('parameters', definition.role === 'public' ? {} : callerParameters),
    ...references('parameters', takesIdempotencyKey(definition) ? idempotencyParameters : {}),
    ...references('parameters', commonParameters),
  ]

  const contentOf = ({ operation, definition }: Route, status: string, schema: z.ZodType): object => {
    if (isNothing(schema)) return {}
    const { produces, producesExample, eventData } = definition
    const suffix = status === String(Object.keys(definition.response)[0]) ? '' : status
    return {
      content: {
        ...(produces !== undefined && isText(schema)
          ? {}
          : jsonContent(schema, 'output', `${capitalised(operation)}Response${suffix}`)),
        ...(produces === undefined
          ? {}
          : {
              [produces]: {
                schema:
                  eventData === undefined
                    ? text
                    : { ...text, contentMediaType: produces, contentSchema: components.schemaOf(eventData, 'output') },
                ...(producesExample === undefined ? {} : { example: producesExample }),
              },
            }),
      },
    }
  }

  const responsesOf = (route: Route): Record<string, object> => {
    const { definition } = route
    return Object.fromEntries<object>([
      ...Object.entries(definition.response).map(([status, schema]): [string, object] => [
        status,
        {
          description: definition.summary,
          headers: {
            'X-Request-Id': { $ref: '#/components/headers/RequestId' },
            ...(bucketOf(definition) === undefined ? {} : rateLimitHeaders),
            ...(takesIdempotencyKey(definition)
              ? { 'Idempotency-Replayed': { $ref: '#/components/headers/IdempotencyReplayed' } }
              : {}),
          },
          ...contentOf(route, status, schema),
        },
      ]),
      ...errorStatusesOf(definition).map((status): [string, object] => [
        String(status),
        errors.refer(status, errorStyleOfOperation(definition)),
      ]),
    ])
  }

  const operationOf = (route: Route): object => {
    const { definition, operation } = route
    const { body, upload, rawBody, role, orScope, ownerOnly, bodyLimitBytes = defaultBodyLimitBytes } = definition
    return {
      operationId: route.operationId,
      tags: [route.service],
      summary: definition.summary,
      description: describe(route),
      'x-role': role,
      ...(definition.rules === undefined ? {} : { 'x-rules': ruleIdsOf(operation, definition) }),
      ...(orScope === undefined ? {} : { 'x-or-scope': orScope }),
      ...(ownerOnly === undefined ? {} : { 'x-owner-only': ownerOnly }),
      security:
        role === 'public' ? [] : [{ bearerAuth: [] }, ...(definition.keyHeader === true ? [{ keyAuth: [] }] : [])],
      parameters: parametersOf(route),
      ...(body === undefined
        ? {}
        : {
            requestBody: {
              description: `At most ${bodyLimitBytes} bytes`,
              required: !body.safeParse(undefined).success,
              content: jsonContent(body, 'input', `${capitalised(operation)}Request`),
            },
          }),
      ...(upload === undefined
        ? {}
        : {
            requestBody: {
              description: `At most ${bodyLimitBytes} bytes`,
              required: true,
              content: {
                'multipart/form-data': {
                  schema: components.schemaOf(upload.extend({ file: formFile }), 'input'),
                },
              },
            },
          }),
      ...(rawBody === undefined
        ? {}
        : {
            requestBody: {
              description: `At most ${bodyLimitBytes} bytes`,
              required: true,
              content: Object.fromEntries(rawBody.map((type) => [type, { schema: {} }])),
            },
          }),
      responses: responsesOf(route),
    }
  }

  const paths: Record<string, Record<string, object>> = {}
  for (const route of allRoutes) {
    const path = route.path.replace('...}', '}')
    ;(paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Clawmesh',
      version,
      description:
        'A multi-tenant gateway for AI agents: an OpenAI-compatible API and the management of what is behind.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The edge that served this document' }],
    security: [{ bearerAuth: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { bearerAuth, keyAuth },
      parameters: { ...callerParameters, ...idempotencyParameters, ...commonParameters },
      headers: responseHeaders,
      schemas: components.schemas,
      responses: errors.responses,
    },
  }
}
