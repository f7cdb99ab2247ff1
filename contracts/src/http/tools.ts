import { z } from 'zod'
import { json, statusIs, timestamp } from './common.ts'
import { defineHttpService } from './operation.ts'

export const builtinTool = z
  .object({
    name: z.string(),
    display_name: z.string(),
    description: z.string(),
    category: z.string(),
    enabled: z.boolean(),
    tenant_enabled: z.boolean().nullable(),
    settings: json,
    requires: z.array(z.string()),
    metadata: json,
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'BuiltinTool', description: 'A built-in tool and how it is set' })

const toolParams = z.object({ name: z.string().min(1).max(100).describe('Name of the tool') })

/** An object, or the JSON text of one. */
const jsonObject = z.union([
  json,
  z.string().transform((text, context) => {
    try {
      return json.parse(JSON.parse(text))
    } catch {
      context.addIssue({ code: 'custom', message: 'not the JSON text of an object' })
      return z.NEVER
    }
  }),
])

export const tools = defineHttpService('tools', {
  listBuiltinTools: {
    method: 'GET',
    path: '/v1/tools/builtin',
    role: 'viewer',
    summary: 'The built-in tool catalogue',
    response: { 200: z.object({ tools: z.array(builtinTool) }) },
    errors: [],
  },
  getBuiltinTool: {
    method: 'GET',
    path: '/v1/tools/builtin/{name}',
    role: 'viewer',
    summary: 'One built-in tool',
    params: toolParams,
    response: { 200: builtinTool },
    errors: [404],
  },
  updateBuiltinTool: {
    method: 'PUT',
    path: '/v1/tools/builtin/{name}',
    role: 'admin',
    summary: 'Switch a built-in tool or replace its settings, for the whole installation',
    params: toolParams,
    body: z.object({ enabled: z.boolean().optional(), settings: jsonObject.optional() }),
    response: { 200: statusIs('updated') },
    errors: [400, 404],
  },
  invokeTool: {
    method: 'POST',
    path: '/v1/tools/invoke',
    role: 'operator',
    summary: 'Run one tool without an agent loop, or show its schema (dryRun)',
    body: z
      .object({
        tool: z.string().min(1).max(200).optional(),
        name: z.string().min(1).max(200).optional().describe('Alias of tool'),
        action: z.string().max(200).optional(),
        args: json.nullish(),
        parameters: json.nullish().describe('Alias of args'),
        sessionKey: z.string().max(500).optional(),
        agentId: z.string().max(100).optional(),
        dryRun: z.boolean().default(false),
        channel: z.string().max(50).optional(),
        chatId: z.string().max(200).optional(),
        peerKind: z.enum(['direct', 'group']).optional(),
      })
      .refine((body) => body.tool !== undefined || body.name !== undefined, {
        path: ['tool'],
        message: 'tool is required',
      }),
    response: {
      200: z.union([
        z.object({ result: z.object({ output: z.string(), forUser: z.string(), metadata: json }) }),
        z.object({ tool: z.string(), description: z.string(), parameters: json, dryRun: z.literal(true) }),
      ]),
    },
    errors: [400, 404, 429],
    startsRun: true,
  },
})
