export * from './bus.ts'
export * from './gather.ts'
export * from './local-bus.ts'
export * from './nats-bus.ts'
