export * from './consumer.ts'
export { createDeadEvents, type DeadEventSummary } from './dead-events.ts'
export { reasonOf } from './failure.ts'
