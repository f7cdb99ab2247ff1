export * from './client.ts'
export * from './direct.ts'
export { isUnknownMethod } from './status.ts'
export * from './types.ts'
