/** Who a request is made as: decided once by the edge, then carried unchanged through the mesh. */
import { z } from 'zod'
import { uuid } from './http/common.ts'
import { locales } from './messages/index.ts'

/** Roles from least to most; a higher one includes the lower ones. `owner` is the system owner. */
export const roles = ['viewer', 'operator', 'admin', 'owner'] as const
export type Role = (typeof roles)[number]

/** Whether `role` includes `needed`. */
export const roleIncludes = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed)

export const apiKeyScopes = [
  'operator.admin',
  'operator.read',
  'operator.write',
  'operator.approvals',
  'operator.pairing',
  'operator.provision',
] as const
export type ApiKeyScope = (typeof apiKeyScopes)[number]

export const masterTenantId = '0193a5b0-7000-7000-8000-000000000001'
export const masterTenantSlug = 'master'

/** The claims of the internal identity token. */
export const callerSchema = z.object({
  tenantId: uuid,
  tenantSlug: z.string(),
  /** External user id; empty when the request names none. */
  userId: z.string().max(255),
  /**
   * Whom a request to a route of another's dialect speaks for when its body names nobody either. There only while the
   * user is not named, and may be.
   */
  fallbackUserId: z.string().max(255).optional(),
  role: z.enum(roles),
  /** Scopes of the API key; empty for other credentials. */
  scopes: z.array(z.string()),
  /** Id of the API key; absent for other credentials. */
  keyId: z.string().max(100).optional(),
  /** Limits of the API key, where it has any; 0 is none. */
  keyLimits: z.object({ rateLimitRpm: z.int().min(0), maxConcurrentRuns: z.int().min(0) }).optional(),
  /** Cost tags of the API key, where it has any. */
  keyTags: z.record(z.string(), z.string()).optional(),
  /** What vouched for the caller. */
  credential: z.enum(['gateway-token', 'api-key', 'oidc', 'paired-device', 'dev', 'service', 'signed-url']),
  /** Whether the user id is fixed by the credential, so that a body cannot name another. */
  userBound: z.boolean(),
  locale: z.enum(locales),
})

export type Caller = z.infer<typeof callerSchema>
