export { providersConfig, type ProvidersConfig } from './config.ts'
export { providersService } from './service.ts'
