export { tracesConfig } from './config.ts'
export { tracesService } from './service.ts'
