/** The WebSocket protocol as documents for people and tools, derived from its tables: OpenRPC 1.3 and AsyncAPI 3. */
import type { z } from 'zod'
import { errorKinds } from '../errors.ts'
import { createSchemaComponents } from '../http/openapi-schemas.ts'
import { ruleIdsOf } from '../rules.ts'
import { wsEvents, type WsEvent } from './events.ts'
import { wsEventFrame, wsPath, wsRequest, wsResponse } from './frames.ts'
import { scopesFor, wsErrorsOf, type WsMethod } from './method.ts'
import { wsRoutes } from './index.ts'

const schemas = () => {
  const { schemaOf, schemas: shared } = createSchemaComponents()
  return { schemaOf, shared }
}

/** OpenRPC's errors are numbered; ours are told apart by their codes, so the number is that of the HTTP status. */
const errorsOf = (method: WsMethod) =>
  wsErrorsOf(method).map((code) => ({
    code: errorKinds[code].status,
    message: errorKinds[code].code,
    data: { retryable: errorKinds[code].retryable },
  }))

const paramsOf = ({ params, aliases = {} }: WsMethod, schemaOf: ReturnType<typeof schemas>['schemaOf']) =>
  Object.entries(params.shape).map(([name, schema]) => ({
    name,
    required: !(schema as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(schema as z.ZodType, 'input'),
    ...(aliases[name] === undefined ? {} : { 'x-aliases': aliases[name] }),
  }))

/** Every method with its params, result, errors, role and scopes. */
export const openRpcDocument = (version: string): object => {
  const { schemaOf, shared } = schemas()
  const methods = [...wsRoutes.values()].map(({ service, name, definition }) => ({
    name,
    summary: definition.summary,
    tags: [{ name: service }],
    paramStructure: 'by-name',
    params: paramsOf(definition, schemaOf),
    result: { name: 'payload', schema: schemaOf(definition.result, 'output') },
    errors: errorsOf(definition),
    ...(definition.rules === undefined
      ? {}
      : { description: Object.values(definition.rules).join('\n'), 'x-rules': ruleIdsOf(name, definition) }),
    'x-role': definition.role,
    'x-scopes': scopesFor(definition),
    ...(definition.orScope === undefined ? {} : { 'x-or-scope': definition.orScope }),
  }))
  return {
    openrpc: '1.3.2',
    info: { title: 'Clawmesh WebSocket methods', version },
    servers: [{ name: 'edge', url: wsPath }],
    methods,
    components: { schemas: shared },
  }
}

/** The frames of the channel and every event that it may carry. */
export const wsAsyncApiDocument = (version: string): object => {
  const { schemaOf, shared } = schemas()
  const frames = {
    request: { summary: 'A request of the client', payload: schemaOf(wsRequest, 'input') },
    response: { summary: 'The response to a request, by its id', payload: schemaOf(wsResponse, 'output') },
  }
  const events = Object.entries<WsEvent>(wsEvents).map(([name, { about, audience, payload }]) => [
    name,
    {
      summary: about,
      'x-audience': audience,
      payload: {
        allOf: [
          schemaOf(wsEventFrame, 'output'),
          {
            type: 'object',
            properties: {
              event: { const: name },
              ...(payload === undefined ? {} : { payload: schemaOf(payload, 'output') }),
            },
          },
        ],
      },
    },
  ])
  const messages = { ...frames, ...(Object.fromEntries(events) as Record<string, object>) }
  const refs = (names: string[]) => names.map((name) => ({ $ref: `#/channels/ws/messages/${name}` }))
  return {
    asyncapi: '3.0.0',
    info: { title: 'Clawmesh WebSocket frames and events', version },
    channels: { ws: { address: wsPath, messages } },
    operations: {
      request: { action: 'receive', channel: { $ref: '#/channels/ws' }, messages: refs(['request']) },
      answer: {
        action: 'send',
        channel: { $ref: '#/channels/ws' },
        messages: refs(Object.keys(messages).filter((name) => name !== 'request')),
      },
    },
    components: { schemas: shared },
  }
}
