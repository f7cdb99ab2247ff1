export * from './errors.ts'
export * from './messages/index.ts'
export * from './caller.ts'
export * from './http/operation.ts'
export * from './http/index.ts'
export * from './http/routes.ts'
export * from './http/common.ts'
export * from './http/openapi.ts'
export { breakingChanges } from './http/openapi-changes.ts'
export * from './events/index.ts'
export * from './events/cache-tags.ts'
export * from './ws/method.ts'
export * from './ws/frames.ts'
export * from './ws/events.ts'
export * from './ws/index.ts'
export * from './ws/openrpc.ts'
export {
  maxAudiences,
  maxIssuerLength,
  oidcAlgorithms,
  oidcRoles,
  type OidcRole,
} from './http/identity/oidc-issuers.ts'
export { providerTypes } from './http/providers/providers.ts'
export { channelTypes } from './http/channels/instances.ts'
export { ruleSentences, type RuleId } from './rules.ts'
