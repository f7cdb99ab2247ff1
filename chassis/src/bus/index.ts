export * from './bus.ts'
export * from './local-bus.ts'
export * from './nats-bus.ts'
