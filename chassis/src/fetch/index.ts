export {
  isForbiddenAddress,
  forbiddenHostReason,
  loopbackHosts,
  parseAllowList,
  type AllowList,
} from './address-guard.ts'
export {
  checkPublicUrl,
  resolvePublicUrl,
  systemResolve,
  type Resolve,
  type ResolvedAddress,
  type UrlRules,
} from './check-url.ts'
export { domainRefusal, type DomainPolicy } from './domain-policy.ts'
export { createGuardedDispatcher, type DispatcherOptions } from './guarded-dispatcher.ts'
export {
  blockedBy,
  closeGuardedFetch,
  guardedFetch,
  type GuardedFetchOptions,
  type GuardedResponse,
} from './guarded-fetch.ts'
