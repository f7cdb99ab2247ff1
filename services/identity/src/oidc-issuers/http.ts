import { http } from '@clawmesh/contracts'
import { implementHttp } from '@clawmesh/chassis'
import type { OidcIssuer } from './types.ts'
import type { OidcIssuerUseCases } from './use-cases.ts'

const toResponse = (issuer: OidcIssuer) => ({ ...issuer, keyCount: issuer.keys.length })

export const createOidcIssuerHttp = (issuers: OidcIssuerUseCases) =>
  implementHttp(http.oidcIssuers)({
    listOidcIssuers: async ({ caller, params }) => ({
      issuers: (await issuers.list(caller, params.id)).map(toResponse),
    }),
    createOidcIssuer: async ({ call, params, body }) => toResponse(await issuers.create(call, params.id, body)),
    getOidcIssuer: async ({ caller, params }) => toResponse(await issuers.get(caller, params.id, params.issuerId)),
    updateOidcIssuer: async ({ call, params, body }) =>
      toResponse(await issuers.update(call, params.id, params.issuerId, body)),
    deleteOidcIssuer: async ({ call, params }) => {
      await issuers.remove(call, params.id, params.issuerId)
      return { ok: 'true' }
    },
  })
