export { channelInstances } from './instances.ts'
export { webhooks } from './webhooks.ts'
