import { z } from 'zod'
import { smallRecord } from '../../small-record.ts'
import { idParams, okString, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'

/** Signatures that are made with a private key and checked with a public one (RFC 7518, section 3.1; RFC 9864). */
export const oidcAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
/** What a token can make its bearer; nobody owns the system by a token. */
export const oidcRoles = ['viewer', 'operator', 'admin'] as const
export type OidcRole = (typeof oidcRoles)[number]
const oidcRole = z.enum(oidcRoles)
/** How long the address of an issuer may be. */
export const maxIssuerLength = 512
/** How many audiences of a token are looked at, and an issuer may be connected with. */
export const maxAudiences = 10
const httpUrl = z
  .string()
  .max(maxIssuerLength)
  .regex(/^https?:\/\/[^\s?#]+$/)
  .meta({ examples: ['https://login.example.org'] })
const claimName = z.string().min(1).max(255)

const oidcSettings = z.object({
  audiences: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(maxAudiences)
    .describe(
      'Tokens for one of these are accepted; of one issuer each audience is connected once in the installation',
    ),
  jwks_uri: z
    .string()
    .max(1_024)
    .regex(/^https?:\/\/[^\s#]+$/)
    .meta({ examples: ['https://login.example.org'] })
    .nullable()
    .describe('Address of the keys; null finds it by discovery'),
  algorithms: z.array(z.enum(oidcAlgorithms)).min(1).max(oidcAlgorithms.length),
  user_claim: claimName.describe('Claim that names the user; dots lead into objects'),
  role_claim: claimName.nullable().describe('Claim whose text or texts role_mapping knows; dots lead into objects'),
  role_mapping: smallRecord(100, 'values', z.record(z.string().min(1).max(255), oidcRole)),
  default_role: oidcRole.nullable().describe('Role of users whose claims give none; null refuses them'),
  clock_skew_seconds: z.number().int().min(0).max(300),
  enabled: z.boolean(),
})

const newOidcIssuer = oidcSettings.extend({
  issuer: httpUrl.describe('Exactly as the `iss` of its tokens'),
  jwks_uri: oidcSettings.shape.jwks_uri.default(null),
  algorithms: oidcSettings.shape.algorithms.default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  user_claim: oidcSettings.shape.user_claim.default('sub'),
  role_claim: oidcSettings.shape.role_claim.default(null),
  role_mapping: oidcSettings.shape.role_mapping.default({}),
  default_role: oidcSettings.shape.default_role.default(null),
  clock_skew_seconds: oidcSettings.shape.clock_skew_seconds.default(60),
  enabled: oidcSettings.shape.enabled.default(true),
})

const oidcIssuer = oidcSettings
  .extend({
    id: uuid,
    tenant_id: uuid,
    issuer: z.string(),
    key_count: z.number().int().describe('Usable keys that are known'),
    keys_fetched_at: timestamp.nullable(),
    keys_error: z.string().nullable().describe('Why the last attempt to fetch the keys failed; null when it did not'),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'OidcIssuer', description: 'An OIDC issuer of a tenant, with the state of its keys' })

const tenantIssuerParams = z.object({
  id: uuid.describe('Id of the tenant'),
  issuerId: uuid.describe('Id of the issuer'),
})

export const oidcIssuers = defineHttpTable('identity', {
  listOidcIssuers: {
    method: 'GET',
    path: '/v1/tenants/{id}/oidc-issuers',
    role: 'admin',
    summary: "OIDC issuers whose tokens open the tenant, in the order in which they came; for the tenant's own admins",
    rules: {
      isForAdminsOfTheTenant:
        "Users of the gateway token see issuers only where they are owner or admin of the tenant; another tenant's are answered 404",
    },
    params: idParams,
    response: { 200: z.object({ issuers: z.array(oidcIssuer) }) },
    errors: [400, 404],
  },
  createOidcIssuer: {
    method: 'POST',
    path: '/v1/tenants/{id}/oidc-issuers',
    role: 'admin',
    summary: 'Connect an OIDC issuer; one that another tenant uses already is shared by system owners only',
    rules: {
      refusesPrivateAddresses: 'Issuers and key addresses that are not public are refused, as is what lets nobody in',
      connectsAudiencesOnce: 'An audience of an issuer is connected once; another time is answered 409',
      sharesIssuersByOwnersOnly: 'An issuer that another tenant uses is shared by system owners only',
    },
    params: idParams,
    body: newOidcIssuer,
    bodyLimitBytes: 65_536,
    response: { 201: oidcIssuer },
    errors: [400, 404, 409],
  },
  getOidcIssuer: {
    method: 'GET',
    path: '/v1/tenants/{id}/oidc-issuers/{issuerId}',
    role: 'admin',
    summary: 'One OIDC issuer, with the state of its keys',
    rules: {
      showsTheStateOfItsKeys: 'While the keys cannot be fetched the reason is shown, and gone when they are there',
    },
    params: tenantIssuerParams,
    response: { 200: oidcIssuer },
    errors: [400, 404],
  },
  updateOidcIssuer: {
    method: 'PATCH',
    path: '/v1/tenants/{id}/oidc-issuers/{issuerId}',
    role: 'admin',
    summary: 'Change an OIDC issuer; tokens accepted before are judged anew at once',
    rules: {
      letsSomebodyIn: 'A change that would let nobody in is refused and changes nothing',
      dropsMovedKeys: 'Keys of the old address are no longer used when it is changed',
    },
    params: tenantIssuerParams,
    body: oidcSettings.partial(),
    bodyLimitBytes: 65_536,
    response: { 200: oidcIssuer },
    errors: [400, 404, 409],
  },
  deleteOidcIssuer: {
    method: 'DELETE',
    path: '/v1/tenants/{id}/oidc-issuers/{issuerId}',
    role: 'admin',
    summary: 'Disconnect an OIDC issuer; its tokens are refused at once',
    rules: {
      freesItsAudiences: 'The audiences of a removed issuer may be connected by others',
    },
    params: tenantIssuerParams,
    response: { 200: okString },
    errors: [400, 404],
  },
})
