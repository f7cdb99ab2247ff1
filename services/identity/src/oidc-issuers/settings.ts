import { flag, integer } from '@clawmesh/chassis'

export const oidcSettings = {
  oidcAllowHttp: {
    env: ['CLAWMESH_OIDC_ALLOW_HTTP'],
    schema: flag(false),
    about: 'Let OIDC issuers and their keys be at http addresses; for development only',
  },
  oidcKeysMaxAgeMs: {
    env: ['CLAWMESH_OIDC_KEYS_MAX_AGE_MS'],
    schema: integer(300_000, 1_000),
    about: "Age at which an OIDC issuer's keys are fetched again; the old ones are used until new ones are there",
  },
  oidcFetchPauseMs: {
    env: ['CLAWMESH_OIDC_FETCH_PAUSE_MS'],
    schema: integer(10_000, 100),
    about: "Least time between two fetches of an OIDC issuer's keys, however many tokens name an unknown key",
  },
  oidcFetchTimeoutMs: {
    env: ['CLAWMESH_OIDC_FETCH_TIMEOUT_MS'],
    schema: integer(5_000, 1, 8_000),
    about: 'How long an OIDC issuer may take to answer with its configuration and its keys',
  },
} as const
