export { agentsConfig } from './config.ts'
export { agentsService } from './service.ts'
