export * from './errors.ts'
export * from './messages/index.ts'
export * from './caller.ts'
export * from './http/operation.ts'
