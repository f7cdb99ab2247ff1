export { toolsConfig, type ToolsConfig } from './config.ts'
export { toolsService } from './service.ts'
