import { z } from 'zod'
import { roles } from '../../caller.ts'
import { uuid } from '../../http/common.ts'
import { wsProtocol } from '../frames.ts'
import { defineWsTable } from '../method.ts'

const server = z.object({ name: z.string(), version: z.string() })
const protocol = z.literal(wsProtocol)

export const connection = defineWsTable('gateway', {
  connect: {
    role: 'public',
    summary: 'Authenticate the connection; the first request. Repeated, it replaces who the connection speaks for',
    rules: {
      speaksForTheNamedUser:
        'With the gateway token a connection speaks for the user that it names: an owner id owns the system, others are admins where they are members',
      fixesWhatAKeySays:
        'An API key has the role of its scopes, in its own tenant and for its owner, whatever the request names',
      opensDevelopment:
        'Where no gateway token is set everybody is an operator of the master tenant, and owner ids are owners',
      showsACode:
        'A browser without a credential gets a code to show and waits; once an admin approves it is an operator',
      refusesWrongTokens: 'A token that does not hold is answered UNAUTHORIZED, and the connection stays what it was',
      hidesTenants:
        'An unknown tenant, one without access and one where no user is named are answered TENANT_ACCESS_REVOKED alike; owners are answered NOT_FOUND for an unknown one',
      neverFallsBack: 'An unknown tenant is never replaced by the master tenant, whatever is configured',
      replacesTheCaller: 'Repeated, it replaces user, role, tenant and language',
      bindsBrowsers: 'A paired browser is bound to the first user that it names after the approval; another is refused',
      answersInTheAskedLanguage: 'Refusals are in the language that the request asks for',
      limitsPendingBrowsers:
        'At most 3 browsers of an address wait for a tenant; those whose connections have closed make room first',
    },
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
    rules: {
      isForThoseWhoWait: 'A connection that waits may ask for itself only, one that has not connected for nobody',
      isLimitedByAddress: 'Questions are limited by address, with the exact time to wait',
    },
    params: z.object({ sender_id: z.string().min(1).max(200) }),
    result: z.object({ status: z.enum(['approved', 'pending', 'expired']), approved: z.boolean() }),
    errors: ['RESOURCE_EXHAUSTED'],
  },
})
