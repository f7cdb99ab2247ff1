export { channelInstances } from './instances.ts'
