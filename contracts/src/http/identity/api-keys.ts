import { z } from 'zod'
import { apiKeyScopes } from '../../caller.ts'
import { costTags } from '../../cost-tags.ts'
import { idParams, statusIs, timestamp, userId, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

const scope = z.enum(apiKeyScopes)

export const apiKey = z
  .object({
    id: uuid,
    tenant_id: uuid.describe('All zeros for a system key'),
    name: z.string().max(100),
    prefix: z.string(),
    scopes: z.array(scope),
    owner_id: z.string().optional(),
    expires_at: timestamp.nullable(),
    last_used_at: timestamp.nullable(),
    revoked: z.boolean(),
    created_by: z.string(),
    created_at: timestamp,
    updated_at: timestamp,
    rate_limit_rpm: z.int().nullable().describe('Runs a minute, all users of the key together; null is no limit'),
    max_concurrent_runs: z.int().nullable().describe('Runs under way at once; null is no limit'),
    tags: costTags,
  })
  .meta({ id: 'ApiKey', description: 'An API key without its secret' })

/** How long a replaced API key goes on working, unless said otherwise. */
const defaultGraceSeconds = 48 * 3_600
const maxGraceSeconds = 30 * 86_400
/** A hundred years; what is to last longer need not expire. */
const maxExpirySeconds = 100 * 365 * 86_400

const limits = {
  rate_limit_rpm: z.int().min(1).max(1_000_000).nullish().describe('Runs a minute; null or absent is no limit'),
  max_concurrent_runs: z
    .int()
    .min(1)
    .max(10_000)
    .nullish()
    .describe('Runs under way at once; null or absent is no limit'),
}

export const createdKey = apiKey.extend({
  key: z
    .string()
    .regex(/^goclaw_[0-9a-f]{32}$/)
    .meta({ examples: ['goclaw_00112233445566778899aabbccddeeff'] }),
})

export const newApiKey = z.object({
  name: z.string().trim().min(1).max(100),
  scopes: z.array(scope).min(1),
  expires_in: z
    .number()
    .int()
    .refine((seconds) => seconds <= maxExpirySeconds, 'at most a hundred years')
    .nullish()
    .describe('Seconds, at most a hundred years; null, absent or not above 0 means never'),
  tenant_id: uuid.optional().describe('System owner only; absent makes a system key'),
  owner_id: userId.optional(),
  ...limits,
  tags: costTags.optional(),
})

export const apiKeys = defineHttpTable('identity', {
  listApiKeys: {
    method: 'GET',
    path: '/v1/api-keys',
    role: 'admin',
    summary: 'All API keys, active and revoked, without the secret',
    rules: {
      isABareArray: 'Answers a bare array without pages, newest first',
      showsSystemKeysToOwners:
        "Beside the keys of the caller's tenant system owners see those of the system, under the all-zero tenant",
      hidesSecrets: 'Neither a secret nor its hash is shown, and `owner_id` only where a key has an owner',
    },
    response: { 200: z.array(apiKey) },
    errors: [],
  },
  createApiKey: {
    method: 'POST',
    path: '/v1/api-keys',
    role: 'admin',
    orScope: 'operator.provision',
    summary: 'Create an API key with no more rights than your own; the secret is shown in this answer only',
    rules: {
      makesARandomSecret:
        'The secret is `goclaw_` and 32 random hex digits; it is shown once and stored as its SHA-256',
      showsAPrefix: 'The prefix is `goclaw_` and the first 8 hex digits of the secret',
      bindsToATenant:
        "A key is bound to the caller's tenant; system owners name any, or none for a system key, and another tenant's id is refused to everybody else",
      expires:
        '`expires_in` is at most a hundred years; a key without it, or with null, zero or a negative one, never expires',
      speaksForItsOwner:
        'A key with an owner speaks for that user only, and a caller who is bound to a user makes no keys for others',
      notesItsCreator: '`created_by` is the user of the request, or empty where it names none',
      isRecorded:
        'Caches evict what they know of the new key, and the creation is an event of the tenant that the key opens',
      givesNoMoreThanOwn: "A scope beyond the caller's own rights is refused and named",
      givesNoMoreThanOwnLimits:
        'A key that has a limit makes and changes no keys with a higher one or none; what it makes without saying has its own',
      limitsRuns:
        '`rate_limit_rpm` limits the runs that a key starts in a minute and `max_concurrent_runs` those under way at once, over HTTP and WebSocket and all replicas together, beside the limits of its users; over a limit it is 429',
      tagsCosts:
        '`tags` are cost tags of every run that is made with the key, before those of the agent and the request; a key with tags makes none without them',
      givesRunsBack:
        'A run counts as under way until it has ended or its client has hung up; those of a server that was killed until their lease is over',
    },
    body: newApiKey,
    response: { 201: createdKey },
    errors: [400, 404],
  },
  updateApiKey: {
    method: 'PATCH',
    path: '/v1/api-keys/{id}',
    role: 'admin',
    summary: 'Rename an API key, or change its limits and cost tags',
    rules: {
      changesWhatIsGiven:
        'What is not given stays as it is; a limit that is null ends, and `tags` are replaced as a whole',
      holdsAtOnce: 'New limits hold at every replica within a second, and the change is an event',
      protectsOthers:
        'System keys are changed by system owners only; they and keys of other tenants are answered 404 to everybody else, and a caller who is bound to a user changes only keys of that user',
    },
    params: idParams,
    body: z.object({ name: z.string().trim().min(1).max(100).optional(), ...limits, tags: costTags.optional() }),
    response: { 200: apiKey },
    errors: [400, 404],
  },
  rotateApiKey: {
    method: 'POST',
    path: '/v1/api-keys/{id}/rotate',
    role: 'admin',
    summary: 'Replace an API key by a new one with the same rights; the old one works on until a deadline',
    rules: {
      keepsRightsAndLifetime:
        'The new key has the name, scopes, owner, tenant, limits, cost tags and lifetime of the old one',
      keepsBothForAWhile:
        "Both keys work until the deadline, 48 hours on unless said, and never beyond the old key's own end",
      happensOnce: 'A key that was replaced, revoked or has expired is answered 412',
    },
    params: idParams,
    body: z
      .object({
        grace_seconds: z
          .number()
          .int()
          .min(0)
          .max(maxGraceSeconds)
          .default(defaultGraceSeconds)
          .describe('How long the old key goes on working; 0 ends it at once, an earlier end of its own stays'),
      })
      .prefault({}),
    response: { 201: createdKey.extend({ rotated_from: uuid, previous_expires_at: timestamp }) },
    errors: [400, 404, 412],
  },
  revokeApiKey: {
    method: 'POST',
    path: '/v1/api-keys/{id}/revoke',
    aliases: [{ method: 'DELETE', path: '/v1/api-keys/{id}', id: 'deleteApiKey' }],
    role: 'admin',
    summary: 'Revoke an API key for good',
    rules: {
      keepsTheRow: 'A revoked key stays in the list, and revoking it again is answered 200',
      ignoresTheBody: 'A body is ignored',
      protectsOthers:
        'System keys are revoked by system owners only; they and keys of other tenants are answered 404 to everybody else',
      isRecorded: 'Caches evict the key at once, and the revocation is an event',
      hasADeleteForm: 'DELETE of the key revokes it as well; the row stays',
    },
    params: idParams,
    response: { 200: statusIs('revoked') },
    errors: [400, 404],
  },
})
