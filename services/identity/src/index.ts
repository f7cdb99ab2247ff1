export { identityService } from './service.ts'
export { identityConfig } from './config.ts'
