export { memoryConfig, type MemoryConfig } from './config.ts'
export { memoryService } from './service.ts'
