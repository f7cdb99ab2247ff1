export * from './consumer.ts'
export { createDeadEvents, type DeadEvents, type DeadEventState, type DeadEventSummary } from './dead-events.ts'
