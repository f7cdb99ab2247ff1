export { memoryConfig } from './config.ts'
export { memoryService } from './service.ts'
