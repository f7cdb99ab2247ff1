export { packagesConfig, type PackagesConfig } from './config.ts'
export { packagesService } from './service.ts'
