/** The OpenAPI 3.1 document, derived from the HTTP tables. */
import { z } from 'zod'
import { errorKinds } from '../errors.ts'
import { allRoutes, type Route } from './index.ts'

const errorSchema = {
  type: 'object',
  required: ['error', 'code', 'retryable'],
  properties: {
    error: { type: 'string', description: 'Localised text' },
    code: { type: 'string', enum: [...new Set(Object.values(errorKinds).map((kind) => kind.wire))] },
    retryable: { type: 'boolean' },
    retryAfterMs: { type: 'integer' },
  },
}

const openAiErrorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        code: { type: 'string' },
        param: { type: ['string', 'null'] },
      },
    },
  },
}

const callerHeaders = [
  ['X-GoClaw-User-Id', "The caller's end user; at most 255 bytes"],
  ['X-GoClaw-Tenant-Id', 'Tenant id or slug, for callers that may choose one'],
  ['Accept-Language', 'Language of error texts: en, vi or zh'],
]

const tokenParameter = {
  name: 'token',
  in: 'query',
  description: 'The credential, where no Authorization header can be sent',
  schema: { type: 'string' },
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): object => {
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<
    string,
    unknown
  >
  return rest
}

const jsonContent = (schema: object) => ({ 'application/json': { schema } })

const pathParameters = (route: Route) =>
  [...route.path.matchAll(/\{(\w+)(\.{3})?\}/g)].map(([, name, rest]) => ({
    name,
    in: 'path',
    required: true,
    ...(rest === undefined ? {} : { description: 'The rest of the path, slashes included' }),
    schema: route.definition.params?.shape[name!]
      ? schemaOf(route.definition.params.shape[name!] as z.ZodType, 'input')
      : { type: 'string' },
  }))

const queryParameters = (route: Route) =>
  Object.entries(route.definition.query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !(schema as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(schema as z.ZodType, 'input'),
  }))

const answers = ({ definition }: Route): Record<string, object> => {
  const errors = definition.role === 'public' ? [...definition.errors] : [...definition.errors, 401, 403, 500]
  const errorRef = { $ref: `#/components/schemas/${definition.errorStyle === 'openai' ? 'OpenAiError' : 'Error'}` }
  return Object.fromEntries<object>([
    ...Object.entries(definition.response).map(([status, schema]): [string, object] => [
      status,
      {
        description: definition.summary,
        content: {
          ...jsonContent(schemaOf(schema, 'output')),
          ...(definition.produces === undefined ? {} : { [definition.produces]: { schema: { type: 'string' } } }),
        },
      },
    ]),
    ...[...new Set(errors)].map((status): [string, object] => [
      String(status),
      { description: `Error ${status}`, content: jsonContent(errorRef) },
    ]),
  ])
}

const operationOf = (route: Route) => ({
  operationId: route.operationId,
  tags: [route.service],
  summary: route.definition.summary,
  'x-role': route.definition.role,
  ...(route.definition.role === 'public' ? { security: [] } : {}),
  parameters: [
    ...pathParameters(route),
    ...queryParameters(route),
    ...(route.definition.queryToken === true ? [tokenParameter] : []),
    ...(route.definition.role === 'public'
      ? []
      : callerHeaders.map(([name, description]) => ({ name, in: 'header', description, schema: { type: 'string' } }))),
  ],
  ...(route.definition.body === undefined
    ? {}
    : {
        requestBody: {
          required: !route.definition.body.safeParse(undefined).success,
          content: jsonContent(schemaOf(route.definition.body, 'input')),
        },
      }),
  responses: answers(route),
})

/** The merged OpenAPI document of all services. */
export const openApiDocument = (version: string): object => {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of allRoutes) {
    const path = route.path.replace('...}', '}')
    ;(paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Clawmesh', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearerAuth: [] }],
    tags: [...new Set(allRoutes.map((route) => route.service))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearerAuth: {
          type: 'http',
          scheme: 'bearer',
          description:
            "Gateway token, API key (goclaw_ and 32 hex digits) or a JWT of one of the tenant's OIDC issuers",
        },
      },
      schemas: { Error: errorSchema, OpenAiError: openAiErrorSchema },
    },
  }
}
