export { identityService } from './service.ts'
export { identityConfig, type IdentityConfig } from './config.ts'
