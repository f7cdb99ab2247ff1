export { providersConfig } from './config.ts'
export { providersService } from './service.ts'
