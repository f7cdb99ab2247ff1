export { isForbiddenAddress, loopbackHosts, parseAllowList } from './address-guard.ts'
export { checkPublicUrl, resolvePublicUrl, systemResolve, type Resolve } from './check-url.ts'
export type { DomainPolicy } from './domain-policy.ts'
export { guardedConnect } from './guarded-connect.ts'
export { createGuardedDispatcher } from './guarded-dispatcher.ts'
export {
  blockedBy,
  closeGuardedFetch,
  guardedFetch,
  type GuardedFetchOptions,
  type GuardedResponse,
} from './guarded-fetch.ts'
