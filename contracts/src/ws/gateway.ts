import { z } from 'zod'
import { roles } from '../caller.ts'
import { uuid } from '../http/common.ts'
import { wsProtocol } from './frames.ts'
import { defineWsService } from './method.ts'

const server = z.object({ name: z.string(), version: z.string() })
const protocol = z.literal(wsProtocol)

export const gateway = defineWsService('gateway', {
  connect: {
    role: 'public',
    summary: 'Authenticate the connection; the first request. Repeated, it replaces who the connection speaks for',
    params: z.object({
      token: z.string().optional().describe('Gateway token or API key'),
      user_id: z.string().max(255).optional(),
      sender_id: z.string().max(200).optional().describe('A browser that was paired before'),
      locale: z.string().optional().describe('en, vi or zh; anything else is en'),
      tenant_id: z.string().optional().describe('Id or slug of a tenant'),
      tenant_hint: z.string().optional().describe('Like tenant_id, which is preferred'),
      protocolVersion: z.unknown().optional(),
    }),
    aliases: { tenant_id: ['tenant_scope'] },
    result: z.union([
      z.object({
        protocol,
        role: z.enum(roles),
        user_id: z.string(),
        tenant_id: uuid,
        is_owner: z.boolean(),
        tenant_name: z.string().optional(),
        tenant_slug: z.string().optional(),
        server,
      }),
      z.object({
        protocol,
        status: z.literal('pending_pairing'),
        pairing_code: z.string(),
        sender_id: z.string(),
        server,
      }),
    ]),
    errors: ['NOT_FOUND', 'RESOURCE_EXHAUSTED', 'TENANT_ACCESS_REVOKED'],
  },
  'browser.pairing.status': {
    role: 'public',
    summary: 'Whether a browser is paired yet. A connection that waits for it may ask for itself only',
    params: z.object({ sender_id: z.string().min(1).max(200) }),
    result: z.object({ status: z.enum(['approved', 'pending', 'expired']), approved: z.boolean() }),
    errors: ['RESOURCE_EXHAUSTED'],
  },
})
