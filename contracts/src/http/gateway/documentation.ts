import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

const document = z.looseObject({ openapi: z.string() })
const eventsDocument = z.looseObject({ asyncapi: z.string() })

export const documentation = defineHttpTable('gateway', {
  getIndex: {
    method: 'GET',
    path: '/',
    role: 'public',
    summary: 'The way to the documentation, for who opens the server in a browser',
    rules: {
      sendsBrowsersToTheDocs: 'Who likes HTML better than JSON is sent to /docs',
      isNothingToPrograms: 'Everybody else is answered 404',
    },
    response: { 302: z.undefined() },
    errors: [404],
  },
  getOpenApiSpec: {
    method: 'GET',
    path: '/v1/openapi.json',
    aliases: [{ path: '/docs/openapi.json', id: 'getDocsOpenApiSpec' }],
    role: 'public',
    summary: 'The OpenAPI 3.1 document of this server',
    rules: {
      isReadableFromAnyPage:
        'Needs no credential and may be read by pages of any origin, for 5 minutes without asking again',
      listsEveryPath: 'Lists every path that exists, as OpenAPI 3.1',
      isTheSameUnderBothPaths: 'Both paths answer the same bytes and headers',
      answersConditionally: 'Who has it already is answered 304',
    },
    response: { 200: document },
    errors: [],
  },
  getAsyncApiSpec: {
    method: 'GET',
    path: '/v1/asyncapi.json',
    role: 'public',
    summary: 'The AsyncAPI 3 document of the durable events, for those who consume them over NATS',
    rules: {
      tellsEveryEvent: 'Tells the subject and the data of every event, as AsyncAPI 3',
      isReadableFromAnyPage:
        'Needs no credential and may be read by pages of any origin; who has it already is answered 304',
    },
    response: { 200: eventsDocument },
    errors: [],
  },
  getDocsPage: {
    method: 'GET',
    path: '/docs',
    aliases: [{ path: '/docs/{path...}', id: 'getDocsAsset' }],
    role: 'public',
    summary: 'Interactive API documentation',
    rules: {
      isAPageAtEveryPath: 'Every path below /docs but those of its files is the page',
      loadsNothingFromElsewhere: 'The page loads its own files only, and reads /v1/openapi.json',
      givesNoOtherFile: 'No other file of the package is given',
    },
    params: z.object({ path: z.string().optional().describe('A file of the page') }),
    response: { 200: z.string() },
    produces: 'text/html',
    producesExample: '<!doctype html>',
    errors: [],
  },
})
