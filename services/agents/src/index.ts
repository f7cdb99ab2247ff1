export { agentsConfig, type AgentsConfig } from './config.ts'
export { agentsService } from './service.ts'
