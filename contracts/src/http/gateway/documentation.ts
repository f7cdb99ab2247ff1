import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

const document = z.looseObject({ openapi: z.string() })

export const documentation = defineHttpTable('gateway', {
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
