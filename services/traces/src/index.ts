export { tracesConfig, type TracesConfig } from './config.ts'
export { tracesService } from './service.ts'
