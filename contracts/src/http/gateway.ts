import { z } from 'zod'
import { defineHttpService } from './operation.ts'

const document = z.looseObject({ openapi: z.string() })

export const gateway = defineHttpService('gateway', {
  getHealth: {
    method: 'GET',
    path: '/health',
    role: 'public',
    summary: 'Liveness: 200 while the process serves HTTP; plain `ok` for Accept: text/plain or ?format=text',
    query: z.object({
      format: z.enum(['json', 'text']).optional().catch(undefined).describe('Form of the answer; else Accept decides'),
    }),
    produces: 'text/plain',
    producesExample: 'ok',
    response: {
      200: z.object({
        status: z.literal('ok'),
        protocol: z.literal(3),
        uptime_ms: z.number().int(),
        mode: z.literal('managed'),
        database: z.enum(['ok', 'error', 'n/a']),
        version: z.string(),
      }),
    },
    errors: [],
  },
  getOpenApiSpec: {
    method: 'GET',
    path: '/v1/openapi.json',
    aliases: [{ path: '/docs/openapi.json', id: 'getDocsOpenApiSpec' }],
    role: 'public',
    summary: 'The OpenAPI 3.1 document of this server',
    response: { 200: document },
    errors: [],
  },
  getDocsPage: {
    method: 'GET',
    path: '/docs',
    aliases: [{ path: '/docs/{path...}', id: 'getDocsAsset' }],
    role: 'public',
    summary: 'Interactive API documentation',
    params: z.object({ path: z.string().optional().describe('A file of the page') }),
    response: { 200: z.string() },
    produces: 'text/html',
    producesExample: '<!doctype html>',
    errors: [],
  },
})
